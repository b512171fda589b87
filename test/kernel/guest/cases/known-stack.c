// A process with a known user stack: main -> outer -> middle -> inner -> getegid(2), made without the C library.
#include <stdio.h>

__attribute__((noinline)) static long inner(long number)
{
	long result;
	asm volatile("syscall" : "=a"(result) : "a"(108) : "rcx", "r11", "memory");
	return result + number;
}

__attribute__((noinline)) static long middle(long number) { return inner(number) * 3; }
__attribute__((noinline)) long outer(long number) { return middle(number + 1) - 2; }

int main(void)
{
	long sum = 0;
	for (int call = 0; call < 5; call++)
		sum += outer(call);
	printf("%ld\n", sum);
	fflush(stdout);
	getchar();
	return 0;
}
