/** Maps of one program in another (BPF_TABLE_PUBLIC, BPF_TABLE_SHARED, extern), and numbers that the loader puts in. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { LinuxKernel } from "@bpfkit/loader/linux";
import { type BPF, type BpfOptions, BPF as Program } from "bpfkit";
import { Builder, openKernel } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelTest, withPins } from "../../packages/loader/src/testdata/host-kernel.ts";
import { canLoadBpf } from "../support/native-tools.ts";

const builder = new Builder({ cache: false });

const publisher =
  'BPF_TABLE_PUBLIC("array", int, u64, counts, 4);\nBPF_TABLE_SHARED("hash", u32, u64, local, 8);\n';
const user = `BPF_TABLE("extern", int, u64, counts, 1);
BPF_TABLE("extern", u32, u64, local, 1);
TRACEPOINT_PROBE(sched, sched_process_exec)
{
	u32 key = 3;
	u64 one = 1;
	counts.increment(2);
	local.lookup_or_try_init(&key, &one);
	local.increment(key, 4);
	return 0;
}
`;

const object = async (text: string): Promise<Uint8Array> =>
  (await builder.compile({ file: "maps.c", text })).object;

const open = async (kernel: Kernel, text: string, options: Partial<BpfOptions> = {}): Promise<BPF> =>
  Program.open({ object: await object(text), name: "maps.c", kernel, autoAttach: false, ...options });

const first = async (bpf: BPF, name: string): Promise<unknown[]> => [...bpf.table(name).items()];

test("in the simulated kernel, what one program counts the other has", async () => {
  const kernel = await openKernel({ scenario: "exec" });
  try {
    const owner = await open(kernel, publisher, { mapsNamespace: "a" });
    const counter = await open(kernel, user, { autoAttach: true, mapsNamespace: "a" });
    await counter.sleep(Number.POSITIVE_INFINITY);
    const count = owner.table("counts").get(2) as bigint;
    assert.ok(count > 0n, `${count} programs executed`);
    assert.equal(await first(owner, "local"), [[3, 1n + 4n * count]]);
    counter.close();
    assert.is(owner.table("counts").get(2), count, "the user leaves it to its owner");
    owner.close();
    const late = await open(kernel, user, { mapsNamespace: "a" });
    assert.is(late.table("counts").get(2), count, "a published map stays for those who come later");
  } finally {
    kernel.shutdown();
  }
});

test("a shared map is seen in its namespace only; type and size are the publisher's", async () => {
  const kernel = await openKernel({ scenario: "exec" });
  try {
    await open(kernel, publisher, { mapsNamespace: "a" });
    const other = await open(kernel, publisher, { mapsNamespace: "b" });
    const mine = await open(kernel, user, { mapsNamespace: "b" });
    mine.table("local").set(1, 5n);
    assert.equal(await first(other, "local"), [[1, 5n]]);
    assert.is((await first(mine, "counts")).length, 4, "the array has four elements");
    try {
      await open(kernel, user, { mapsNamespace: "c" });
      assert.unreachable("loaded without the map");
    } catch (error) {
      assert.ok(error instanceof BpfkitError && error.code === "LD059", String(error));
      assert.match(error.message, "map local is another object's");
    }
  } finally {
    kernel.shutdown();
  }
});

test("on this machine, programs opened one by one share maps", async () => {
  if (!canLoadBpf()) {
    if (process.env["CI"] !== undefined) throw new Error("maps of this machine's kernel need root");
    process.stderr.write("SKIPPED: this process may not load BPF programs\n");
    return;
  }
  const kernels = [new LinuxKernel(), new LinuxKernel(), new LinuxKernel()] as const;
  try {
    const owner = await open(kernels[0], publisher);
    const mine = await open(kernels[1], user.slice(0, user.indexOf("TRACEPOINT")));
    mine.table("counts").set(3, 9n);
    assert.is(owner.table("counts").get(3), 9n);
    mine.close();
    owner.close();
    kernels[1].shutdown();
    kernels[0].shutdown();
    try {
      await open(kernels[2], user.slice(0, user.indexOf("TRACEPOINT")));
      assert.unreachable("the map is gone");
    } catch (error) {
      assert.is((error as BpfkitError).code, "LD059");
    }
  } finally {
    for (const kernel of kernels) kernel.shutdown();
  }
});

kernelTest("pinned maps of every macro are there again for the next program", async (kernel) => {
  await withPins(async (folder) => {
    const text = `BPF_TABLE_PINNED("hash", u64, u64, counts, 16, "${folder}/deep/counts");
BPF_TABLE_PINNED("hash", u32, u32, flagged, 16, "${folder}/flagged", BPF_F_NO_PREALLOC);
BPF_TABLE("array:${folder}/typed", int, u64, typed, 4);
BPF_QUEUESTACK_PINNED("queue", waiting, u64, 4, 0, "${folder}/waiting");
BPF_XSKMAP(sockets, 4, "${folder}/sockets");
`;
    const first = await open(kernel, text);
    first.table("counts").set(7n, 70n);
    first.table("typed").set(2, 5n);
    first.close();
    const second = await open(kernel, text);
    assert.is(second.table("counts").get(7n), 70n);
    assert.is(second.table("typed").get(2), 5n);
    assert.ok([...second.collection.maps.values()].every(({ reused }) => reused));
    second.close();
  });
});

test("bpf_num_cpus is the kernel's number of online CPUs", async () => {
  const kernel = await openKernel({ scenario: "exec" });
  try {
    const bpf = await open(
      kernel,
      "BPF_ARRAY(seen, u64, 1);\nTRACEPOINT_PROBE(sched, sched_process_exec) { int k = 0; u64 n = bpf_num_cpus(); seen.update(&k, &n); return 0; }\n",
      { autoAttach: true },
    );
    await bpf.sleep(Number.POSITIVE_INFINITY);
    assert.is(bpf.table("seen").get(0), BigInt(kernel.onlineCpus.length));
  } finally {
    kernel.shutdown();
  }
});

test.after(() => builder.close());
test.run();
