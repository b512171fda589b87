/** Objects with an arena: `__arena` variables from C to this machine's kernel (Linux 6.9), loaded and test run only. */
import { release } from "node:os";
import { compareReleases, Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, MapCreateAttributes } from "@bpfkit/base/kernel";
import { Collection, CollectionSpec } from "@bpfkit/loader";
import { Builder } from "bpfkit/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LinuxKernel } from "../../packages/loader/src/linux/linux-kernel.ts";
import { RecordingKernel } from "../../packages/loader/src/testdata/recording-kernel.ts";
import { canLoadBpf } from "../support/native-tools.ts";
import { boot } from "../vm/boot.ts";

const test = suite("arenas");
const builder = new Builder({ cache: false });
test.after(() => builder.close());

/** `arena` is the definition of the map. */
function source(arena: string): string {
  return `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#define __arena __attribute__((address_space(1)))
char LICENSE[] SEC("license") = "GPL";
${arena}
struct node { int value; struct node __arena *next; };
int __arena counter = 5;
long __arena zero;
char __arena text[5000] = "abc";
struct node __arena first = { 7 }, __arena second = { 11 };
int plain = 100;

SEC("syscall") int walk(void *ctx)
{
	struct node __arena *node;
	int sum = 0;

	/* A program may only use addresses in an arena that it names. */
	asm volatile ("" :: "r"(&the_arena));
	first.next = &second;
	for (node = &first; node; node = node->next) {
		sum += node->value;
		asm goto ("may_goto %l[out]" :::: out);
	}
out:
	counter += 2;
	zero -= 10;
	text[4999] = text[1];
	return sum * 1000 + counter + zero + plain;
}
`;
}

function definition(name: string, pages: number, address = ""): string {
  const extra = address === "" ? "" : `__ulong(map_extra, ${address});`;
  return `struct { __uint(type, 33); __uint(map_flags, 1 << 10); __uint(max_entries, ${pages}); ${extra} } ${name} SEC(".maps");`;
}

async function specOf(arena: string): Promise<CollectionSpec> {
  const { object } = await builder.compile({ file: "arena.bpf.c", text: source(arena) });
  return CollectionSpec.fromObject(object, "arena.bpf.o");
}

/** Runs with a kernel that has arenas; loud where there is none. */
function withKernel(run: (kernel: LinuxKernel) => void): void {
  if (!canLoadBpf() && process.env["CI"] !== undefined) throw new Error("this test needs root and BPF");
  if (!canLoadBpf() || compareReleases(release(), "6.9") < 0) {
    process.stderr.write("SKIPPED: arenas need root and Linux 6.9\n");
    return;
  }
  const kernel = new LinuxKernel();
  try {
    run(kernel);
  } finally {
    kernel.shutdown();
  }
}

for (const [name, address] of [
  ["at an address of its own", "0x1ull << 44"],
  ["where the kernel likes", ""],
] as const) {
  test(`variables of an arena ${name}`, async () => {
    const spec = await specOf(definition("the_arena", 100, address));
    withKernel((kernel) => {
      // Twice, for what a closed arena leaves behind.
      for (let round = 0; round < 2; round++) {
        const collection = Collection.load(spec, kernel);
        const run = () => collection.programs.get("walk")?.testRun({}).returnValue;
        assert.is(collection.variable("counter").read(), 5);
        assert.is(run(), 18_097);
        assert.is(collection.variable("counter").read(), 7);
        assert.is(collection.variable("zero").read(), -10n);
        collection.variable("counter").write(50);
        collection.variable("plain").write(0);
        assert.is(run(), 18_000 + 52 - 20);
        const first = collection.variable("first").read() as { value: number; next: bigint };
        const second = collection.variable("second").read() as { value: number; next: bigint };
        assert.equal([first.value, second.value, second.next], [7, 11, 0n]);
        if (address !== "") assert.is(BigInt(first.next) >> 16n, 1n << 28n, "a pointer of user space");
        const text = collection.maps.get("the_arena")?.arena?.bytes();
        const { offset } = collection.variable("text").spec;
        assert.equal([...(text?.subarray(offset, offset + 4) ?? [])], [97, 98, 99, 0]);
        assert.is(text?.[offset + 4999], 98);
        collection.close();
      }
    });
  });
}

test("an address that is taken", async () => {
  const spec = await specOf(definition("the_arena", 100, "0x1ull << 44"));
  withKernel((kernel) => {
    const collection = Collection.load(spec, kernel);
    assert.throws(
      () => Collection.load(spec, kernel),
      /arena the_arena could not be mapped at 0x100000000000/,
    );
    assert.is(collection.variable("counter").read(), 5, "the first one stays");
    collection.close();
  });
});

test("an arena that is too small", async () => {
  const spec = await specOf(definition("the_arena", 1));
  withKernel((kernel) => {
    assert.throws(
      () => Collection.load(spec, kernel),
      /arena the_arena has \d+ bytes, but its __arena variables have 5\d\d\d/,
    );
  });
});

test("no arena, and two", async () => {
  const plain = `struct { __uint(type, 2); __uint(max_entries, 1); __type(key, int); __type(value, int); } the_arena SEC(".maps");`;
  await specOf(plain).then(
    () => assert.unreachable(),
    (error) => assert.match(String(error), /__arena variables, but no arena map/),
  );
  await specOf(`${definition("the_arena", 9)}\n${definition("other", 9)}`).then(
    () => assert.unreachable(),
    (error) => assert.match(String(error), /the_arena and other are both arenas/),
  );
});

/** Linux 6.8 knows map types up to 32. */
class OlderKernel extends RecordingKernel {
  override mapCreate(attributes: MapCreateAttributes): Fd {
    if (attributes.type > 32) throw new SyscallError("BPF_MAP_CREATE", Errno.EINVAL);
    return super.mapCreate(attributes);
  }
}

test("kernels without arenas", async () => {
  const spec = await specOf(definition("the_arena", 100));
  const kernel = new OlderKernel();
  assert.throws(() => Collection.load(spec, kernel), /arenas \(map the_arena\).*6\.9/);
  assert.is(kernel.open.size, 0, "nothing stays open");
});

test("the VM refuses arenas by name", async () => {
  const spec = await specOf(definition("the_arena", 100));
  assert.throws(
    () => Collection.load(spec, boot("exec", "jit")),
    /arenas \(map the_arena\) in the simulated kernel/,
  );
});

test("bpf_fastcall on a declaration is taken and the program loads", async () => {
  const text = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
static __u32 (*const cpu)(void) __attribute__((bpf_fastcall)) = (void *)8;
SEC("syscall") int fast(void *ctx)
{
	return (int)cpu() < 0 ? 1 : 42;
}
`;
  const { object } = await builder.compile({ file: "fast.bpf.c", text });
  for (const kernel of [boot("exec", "interpreter"), boot("exec", "jit")]) {
    const collection = Collection.load(CollectionSpec.fromObject(object, "fast.bpf.o"), kernel);
    assert.is(collection.programs.get("fast")?.testRun({}).returnValue, 42);
    collection.close();
  }
  withKernel((kernel) => {
    const collection = Collection.load(CollectionSpec.fromObject(object, "fast.bpf.o"), kernel);
    assert.is(collection.programs.get("fast")?.testRun({}).returnValue, 42);
    collection.close();
  });
});

test.run();
