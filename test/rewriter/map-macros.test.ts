/** Every map macro of BCC makes the map that BCC makes: type, sizes, entries and flags, as this machine's kernel sees them. */
import { mapTypeName } from "@bpfkit/base/abi";
import { Collection, CollectionSpec } from "@bpfkit/loader";
import { LinuxKernel } from "@bpfkit/loader/linux";
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf } from "../support/native-tools.ts";

const builder = new Builder({ cache: false });

/** Enumerator in lower case, sizes in bytes; entries `cpus` are the possible CPUs, `pages` those of 4 KiB. */
type Shape = readonly [type: string, key: number, value: number, entries: number | "cpus", flags?: number];

/** Uses of macros with what they make (BCC 0.26 reference guide). `m` becomes a name of its own in each. */
const uses: readonly (readonly [use: string, shape: Shape])[] = [
  ["BPF_HASH(m)", ["hash", 8, 8, 10240]],
  ["BPF_HASH(m, u32)", ["hash", 4, 8, 10240]],
  ["BPF_HASH(m, u32, struct pair)", ["hash", 4, 16, 10240]],
  ["BPF_HASH(m, struct pair, u8, 1 << 3)", ["hash", 16, 1, 8]],
  ["BPF_HASH(m, struct task_struct *, struct { u64 a; u64 c:36; }, SIZE)", ["hash", 8, 16, 33]],
  ["BPF_HASH(m, unsigned __int128)", ["hash", 16, 8, 10240]],
  ["BPF_PERCPU_HASH(m)", ["percpu_hash", 8, 8, 10240]],
  ["BPF_PERCPU_HASH(m, u32)", ["percpu_hash", 4, 8, 10240]],
  ["BPF_PERCPU_HASH(m, u32, u32)", ["percpu_hash", 4, 4, 10240]],
  ["BPF_PERCPU_HASH(m, u32, u32, 7)", ["percpu_hash", 4, 4, 7]],
  ["BPF_ARRAY(m)", ["array", 4, 8, 10240]],
  ["BPF_ARRAY(m, struct pair)", ["array", 4, 16, 10240]],
  ["BPF_ARRAY(m, u32, 3)", ["array", 4, 4, 3]],
  ["BPF_PERCPU_ARRAY(m)", ["percpu_array", 4, 8, 10240]],
  ["BPF_PERCPU_ARRAY(m, u32)", ["percpu_array", 4, 4, 10240]],
  ["BPF_PERCPU_ARRAY(m, struct pair, 2)", ["percpu_array", 4, 16, 2]],
  ["BPF_HISTOGRAM(m)", ["array", 4, 8, 64]],
  ["BPF_HISTOGRAM(m, int)", ["array", 4, 8, 64]],
  ["BPF_HISTOGRAM(m, u32)", ["hash", 4, 8, 64]],
  ["BPF_HISTOGRAM(m, struct pair, 100)", ["hash", 16, 8, 100]],
  ["BPF_LPM_TRIE(m)", ["lpm_trie", 8, 8, 10240, 1]],
  ["BPF_LPM_TRIE(m, struct prefix)", ["lpm_trie", 8, 8, 10240, 1]],
  ["BPF_LPM_TRIE(m, struct prefix, u32)", ["lpm_trie", 8, 4, 10240, 1]],
  ["BPF_LPM_TRIE(m, struct prefix, u32, 9)", ["lpm_trie", 8, 4, 9, 1]],
  ["BPF_STACK_TRACE(m, 1000)", ["stack_trace", 4, 1016, 1024]],
  ["BPF_STACK_TRACE(m, SIZE)", ["stack_trace", 4, 1016, 64]],
  ["BPF_STACK_TRACE_BUILDID(m, 100)", ["stack_trace", 4, 127 * 32, 128, 32]],
  ["BPF_PERF_OUTPUT(m)", ["perf_event_array", 4, 4, "cpus"]],
  ["BPF_PERF_ARRAY(m, 6)", ["perf_event_array", 4, 4, 6]],
  ["BPF_RINGBUF_OUTPUT(m, 2)", ["ringbuf", 0, 0, 8192]],
  ["BPF_PROG_ARRAY(m, 10)", ["prog_array", 4, 4, 10]],
  ["BPF_CGROUP_ARRAY(m, 2)", ["cgroup_array", 4, 4, 2]],
  ["BPF_DEVMAP(m, 3)", ["devmap", 4, 4, 3, 0x80]],
  ["BPF_CPUMAP(m, 2)", ["cpumap", 4, 4, 2]],
  ["BPF_XSKMAP(m, 4)", ["xskmap", 4, 4, 4]],
  ['BPF_XDP_REDIRECT_MAP("devmap", int, m, 5)', ["devmap", 4, 4, 5, 0x80]],
  ["BPF_SOCKMAP(m, 4)", ["sockmap", 4, 4, 4]],
  ["BPF_SOCKHASH(m)", ["sockhash", 4, 4, 10240]],
  ["BPF_SOCKHASH(m, struct pair)", ["sockhash", 16, 4, 10240]],
  ["BPF_SOCKHASH(m, u64, 8)", ["sockhash", 8, 4, 8]],
  ['BPF_ARRAY_OF_MAPS(m, "inner", 10)', ["array_of_maps", 4, 4, 10]],
  ['BPF_HASH_OF_MAPS(m, "inner")', ["hash_of_maps", 4, 4, 10240]],
  ['BPF_HASH_OF_MAPS(m, struct pair, "inner")', ["hash_of_maps", 16, 4, 10240]],
  ['BPF_HASH_OF_MAPS(m, u64, "inner", 6)', ["hash_of_maps", 8, 4, 6]],
  ["BPF_QUEUE(m, struct pair, 5)", ["queue", 0, 16, 5]],
  ["BPF_QUEUE(m, u32, 5, 0)", ["queue", 0, 4, 5]],
  ["BPF_STACK(m, u64, 5)", ["stack", 0, 8, 5]],
  ["BPF_STACK(m, u64, 5, BPF_F_RDONLY_PROG)", ["stack", 0, 8, 5, 128]],
  ['BPF_QUEUESTACK("queue", m, u16, 4, 0)', ["queue", 0, 2, 4]],
  ['BPF_QUEUESTACK_PUBLIC("stack", m, u16, 4, 0)', ["stack", 0, 2, 4]],
  ['BPF_QUEUESTACK_SHARED("queue", m, u16, 4, 0)', ["queue", 0, 2, 4]],
  ["BPF_SK_STORAGE(m, struct pair)", ["sk_storage", 4, 16, 0, 1]],
  ["BPF_INODE_STORAGE(m, u64)", ["inode_storage", 4, 8, 0, 1]],
  ["BPF_TASK_STORAGE(m, u64)", ["task_storage", 4, 8, 0, 1]],
  ["BPF_CGROUP_STORAGE(m, u64)", ["cgroup_storage", 16, 8, 0]],
  ["BPF_PERCPU_CGROUP_STORAGE(m, u64)", ["percpu_cgroup_storage", 16, 8, 0]],
  ['BPF_TABLE("hash", u32, u64, m, 5)', ["hash", 4, 8, 5]],
  ['BPF_TABLE("array", int, u64, m, 5)', ["array", 4, 8, 5]],
  ['BPF_TABLE("percpu_hash", u32, u64, m, 5)', ["percpu_hash", 4, 8, 5]],
  ['BPF_TABLE("percpu_array", int, u64, m, 5)', ["percpu_array", 4, 8, 5]],
  ['BPF_TABLE("lru_hash", u32, u64, m, 5)', ["lru_hash", 4, 8, 5]],
  ['BPF_TABLE("lru_percpu_hash", u32, u64, m, 5)', ["lru_percpu_hash", 4, 8, 5]],
  ['BPF_TABLE("prog", u32, u32, m, 5)', ["prog_array", 4, 4, 5]],
  ['BPF_TABLE("perf_array", int, u32, m, 5)', ["perf_event_array", 4, 4, 5]],
  ['BPF_TABLE("cgroup_array", int, u32, m, 5)', ["cgroup_array", 4, 4, 5]],
  ['BPF_TABLE("stacktrace", int, struct bpf_stacktrace, m, 8)', ["stack_trace", 4, 1016, 8]],
  ['BPF_TABLE("queue", int, u64, m, 8)', ["queue", 0, 8, 8]],
  ['BPF_TABLE("array_of_maps$inner", int, int, m, 8)', ["array_of_maps", 4, 4, 8]],
  ['BPF_TABLE("hash_of_maps$inner", u64, int, m, 8)', ["hash_of_maps", 8, 4, 8]],
  ['BPF_TABLE("histogram", int, u64, m, 8)', ["array", 4, 8, 8]],
  ["BPF_TABLE(KIND, u32, u64, m, 5)", ["lru_hash", 4, 8, 5]],
  ['BPF_TABLE_PUBLIC("hash", u32, u64, m, 5)', ["hash", 4, 8, 5]],
  ['BPF_TABLE_SHARED("hash", u32, u64, m, 5)', ["hash", 4, 8, 5]],
  ['BPF_TABLE_SHARED("hash", u32, u64, m, 5, BPF_F_NO_PREALLOC)', ["hash", 4, 8, 5, 1]],
  ['BPF_F_TABLE("lru_hash", u32, u64, m, 50, BPF_F_NO_COMMON_LRU)', ["lru_hash", 4, 8, 50, 2]],
  ['BPF_F_TABLE("lpm_trie", struct prefix, u64, m, 5, BPF_F_NO_PREALLOC)', ["lpm_trie", 8, 8, 5, 1]],
  ['static BPF_TABLE("hash", u32, u64, m, 6)', ["hash", 4, 8, 6]],
];

const text = `#include <uapi/linux/bpf.h>
#include <linux/sched.h>
#define SIZE 33
#define KIND "lru_hash"
struct pair { u64 a; u32 b; };
struct prefix { u32 length; u32 address; };
BPF_TABLE("hash", u32, u64, inner, 4);
${uses.map(([use], index) => `${use.replace(/\bm\b(?=[,)])/, `map_${index}`)};\n`).join("")}
int f(void *ctx) { return 0; }
`;

test("the object has every map", async () => {
  const { object } = await builder.compile({ file: "maps.c", text });
  const spec = CollectionSpec.fromObject(object, "maps.c");
  assert.is(spec.maps.size, uses.length + 1);
  if (!canLoadBpf()) {
    if (process.env["CI"] !== undefined) throw new Error("maps of this machine's kernel need root");
    process.stderr.write("SKIPPED: this process may not create maps\n");
    return;
  }
  const kernel = new LinuxKernel();
  try {
    const { maps } = Collection.load(spec, kernel);
    const wrong = uses.flatMap(([use, [type, key, value, entries, flags = 0]], index) => {
      const map = maps.get(`map_${index}`);
      if (map === undefined) return [`${use}: there is no such map`];
      const info = kernel.mapInfo(map.fd);
      const wanted = [type, key, value, entries === "cpus" ? kernel.possibleCpus.length : entries, flags];
      const found = [mapTypeName(info.type), info.keySize, info.valueSize, info.maxEntries, info.flags];
      return found.join() === wanted.join() ? [] : [`${use}: ${found.join()}, not ${wanted.join()}`];
    });
    assert.equal(wrong, []);
  } finally {
    kernel.shutdown();
  }
});

test.after(() => builder.close());
test.run();
