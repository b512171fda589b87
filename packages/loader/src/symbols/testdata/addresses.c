// Prints where things are in this process, waits for the end of its input, and leaves a perf map as compilers do.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

__attribute__((noinline)) static int local_function(int a) { return a * 3 + 1; }
__attribute__((noinline)) int global_function(int a) { return local_function(a) - 2; }

int main(int count, char **words)
{
	char path[64];
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("local_function %p\n", (void *)local_function);
	printf("global_function %p\n", (void *)global_function);
	printf("strlen_or_alike %p\n", (void *)qsort);
	printf("compiled %p\n", page);
	printf("vdso %p\n", (void *)getauxval(AT_SYSINFO_EHDR));
	printf("pid %d\n", getpid());
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	FILE *map = fopen(path, "w");
	fprintf(map, "%lx 40 LazyCompile:*hot /app.js:3:7\n", (unsigned long)page);
	fclose(map);
	fflush(stdout);
	while (getchar() != EOF)
		;
	unlink(path);
	return global_function(count) == 123456;
}
