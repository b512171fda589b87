/** Guest tests of map types: create, update, look up, walk, delete on a real kernel. */
import { strict as assert } from "node:assert";
import { closeSync, openSync } from "node:fs";
import { Errno, MapType, ProgramType } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { hasMapType, hasProgramType } from "@bpfkit/loader";
import type { ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";

const word = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};

const long = (value: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
};

function withMap(
  kernel: Kernel,
  type: number,
  sizes: readonly [number, number, number],
  run: (map: Fd) => void,
  flags = 0,
): void {
  const [keySize, valueSize, maxEntries] = sizes;
  const map = kernel.mapCreate({ type, keySize, valueSize, maxEntries, flags, name: "guest" });
  try {
    run(map);
  } finally {
    kernel.close(map);
  }
}

const fails = (errno: number, call: () => unknown): void => {
  assert.throws(call, (error) => error instanceof SyscallError && error.errno === errno);
};

function keysOf(kernel: Kernel, map: Fd): number[] {
  const keys: number[] = [];
  for (let key = kernel.mapNextKey(map, undefined); key !== undefined; key = kernel.mapNextKey(map, key)) {
    keys.push(new DataView(key.buffer).getUint32(0, true));
  }
  return keys.sort((a, b) => a - b);
}

function hashBehaves(kernel: Kernel, type: number, perCpu: boolean): void {
  const value = (seed: number): Uint8Array => {
    const cpus = perCpu ? kernel.possibleCpus.length : 1;
    const bytes = new Uint8Array(8 * cpus);
    for (let cpu = 0; cpu < cpus; cpu++) bytes.set(long(seed * 100 + cpu), cpu * 8);
    return bytes;
  };
  withMap(kernel, type, [4, 8, 64], (map) => {
    assert.equal(kernel.mapNextKey(map, undefined), undefined);
    for (let key = 0; key < 10; key++) kernel.mapUpdate(map, word(key), value(key), 0);
    fails(Errno.EEXIST, () => kernel.mapUpdate(map, word(3), value(3), 1));
    fails(Errno.ENOENT, () => kernel.mapUpdate(map, word(99), value(3), 2));
    fails(Errno.EINVAL, () => kernel.mapUpdate(map, word(3), new Uint8Array(7), 0));
    assert.deepEqual(kernel.mapLookup(map, word(7)), value(7));
    assert.equal(kernel.mapLookup(map, word(99)), undefined);
    assert.equal(kernel.mapDelete(map, word(7)), true);
    assert.equal(kernel.mapDelete(map, word(7)), false);
    assert.deepEqual(keysOf(kernel, map), [0, 1, 2, 3, 4, 5, 6, 8, 9]);
    if (type === MapType.Hash) assert.deepEqual(kernel.mapLookupAndDelete(map, word(1)), value(1));
  });
}

const tailCalls: ToolProgram = {
  file: "tail-calls.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

int first(struct __sk_buff *skb);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 2);
    __uint(key_size, 4);
    __array(values, int(struct __sk_buff *));
} jumps SEC(".maps") = {.values = {[0] = &first}};

SEC("tc") int first(struct __sk_buff *skb) { return 42; }
SEC("tc") int other(struct __sk_buff *skb) { return 43; }
SEC("tc") int start(struct __sk_buff *skb)
{
    bpf_tail_call(skb, &jumps, 0);
    return 1;
}
`,
};

const storage: ToolProgram = {
  file: "storage.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, u64);
} tasks SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_INODE_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, u64);
} inodes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, u32);
    __type(value, u64);
} highest SEC(".maps");

static __always_inline void raise(u32 index, u64 to)
{
    u64 *value = bpf_map_lookup_elem(&highest, &index);
    if (value && *value < to)
        *value = to;
}

SEC("lsm/file_open")
int BPF_PROG(on_open, struct file *file)
{
    struct task_struct *task = bpf_get_current_task_btf();
    u64 *value;

    /* /etc is on the first file system of the guest, and only the test opens files of it. */
    if (file->f_path.dentry->d_parent->d_iname[0] != 'e' || file->f_path.dentry->d_parent->d_iname[1] != 't' ||
        file->f_path.dentry->d_parent->d_iname[2] != 'c')
        return 0;
    value = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (value)
        raise(0, ++*value);
    value = bpf_inode_storage_get(&inodes, file->f_inode, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (value)
        raise(1, ++*value);
    return 0;
}
`,
};

/** Maps. */
export const mapCases: readonly GuestCase[] = [
  ...(
    [
      ["hash", MapType.Hash, false],
      ["LRU hash", MapType.LruHash, false],
      ["per-CPU hash", MapType.PercpuHash, true],
      ["LRU per-CPU hash", MapType.LruPercpuHash, true],
    ] as const
  ).map(([name, type, perCpu]) => ({
    name: `map type ${name}`,
    run: ({ kernel }: { kernel: Kernel }) => hashBehaves(kernel, type, perCpu),
  })),
  {
    name: "map types array and per-CPU array, freezing",
    run({ kernel }) {
      withMap(kernel, MapType.Array, [4, 8, 4], (map) => {
        kernel.mapUpdate(map, word(3), long(33), 0);
        assert.deepEqual(keysOf(kernel, map), [0, 1, 2, 3]);
        fails(Errno.E2BIG, () => kernel.mapUpdate(map, word(4), long(1), 0));
        fails(Errno.EINVAL, () => kernel.mapDelete(map, word(0)));
        kernel.mapFreeze(map);
        fails(Errno.EPERM, () => kernel.mapUpdate(map, word(0), long(1), 0));
        assert.deepEqual(kernel.mapLookup(map, word(3)), long(33));
        assert.equal(kernel.mapInfo(map).name, "guest");
        assert.equal(kernel.mapInfo(map).maxEntries, 4);
      });
      withMap(kernel, MapType.PercpuArray, [4, 4, 2], (map) => {
        const value = new Uint8Array(8 * kernel.possibleCpus.length).fill(0);
        for (const [index, cpu] of kernel.possibleCpus.entries()) value.set(word(cpu + 5), index * 8);
        kernel.mapUpdate(map, word(1), value, 0);
        assert.deepEqual(kernel.mapLookup(map, word(1)), value);
      });
    },
  },
  {
    name: "map types queue, stack and bloom filter",
    run({ kernel }) {
      const none = new Uint8Array(0);
      const order = (type: number): number[] => {
        const out: number[] = [];
        withMap(kernel, type, [0, 4, 3], (map) => {
          for (const value of [1, 2, 3]) kernel.mapUpdate(map, none, word(value), 0);
          fails(Errno.E2BIG, () => kernel.mapUpdate(map, none, word(4), 0));
          assert.equal(kernel.mapLookup(map, none)?.[0], type === MapType.Queue ? 1 : 3);
          for (;;) {
            const value = kernel.mapLookupAndDelete(map, none);
            if (value === undefined) break;
            out.push(value[0] ?? 0);
          }
        });
        return out;
      };
      assert.deepEqual(order(MapType.Queue), [1, 2, 3]);
      assert.deepEqual(order(MapType.Stack), [3, 2, 1]);
    },
  },
  {
    name: "map type LPM trie: the longest prefix wins",
    run({ kernel }) {
      const noPreallocation = 1;
      const address = (bits: number, ...parts: number[]) => Uint8Array.of(bits, 0, 0, 0, ...parts);
      withMap(
        kernel,
        MapType.LpmTrie,
        [8, 4, 8],
        (map) => {
          kernel.mapUpdate(map, address(8, 10, 0, 0, 0), word(8), 0);
          kernel.mapUpdate(map, address(24, 10, 1, 2, 0), word(24), 0);
          assert.equal(kernel.mapLookup(map, address(32, 10, 1, 2, 3))?.[0], 24);
          assert.equal(kernel.mapLookup(map, address(32, 10, 9, 9, 9))?.[0], 8);
          assert.equal(kernel.mapLookup(map, address(32, 11, 0, 0, 1)), undefined);
        },
        noPreallocation,
      );
    },
  },
  {
    name: "map type LRU hash: old entries make room",
    run({ kernel }) {
      withMap(kernel, MapType.LruHash, [4, 8, 128], (map) => {
        for (let key = 0; key < 1000; key++) kernel.mapUpdate(map, word(key), long(key), 0);
        const keys = keysOf(kernel, map);
        assert.ok(keys.length > 0 && keys.length <= 128, `${keys.length} entries`);
        assert.ok(keys.includes(999));
      });
    },
  },
  {
    name: "maps of maps",
    run({ kernel }) {
      const shape = { keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 };
      const inner = kernel.mapCreate({ type: MapType.Array, name: "inner", ...shape });
      for (const type of [MapType.ArrayOfMaps, MapType.HashOfMaps]) {
        const outer = kernel.mapCreate({ type, name: "outer", ...shape, valueSize: 4, innerMap: inner });
        kernel.mapUpdate(outer, word(1), word(inner), 0);
        const id = kernel.mapLookup(outer, word(1));
        assert.deepEqual(id, word(kernel.mapInfo(inner).id));
        kernel.close(outer);
      }
      kernel.close(inner);
      fails(Errno.EBADF, () => kernel.close(inner));
    },
  },
  {
    name: "every map type and program type of the kernel's header can be made",
    run({ kernel }) {
      const maps = Object.entries(MapType).filter(([, type]) => type !== MapType.Unspec);
      assert.deepEqual(
        maps.filter(([, type]) => !hasMapType(kernel, type)).map(([name]) => name),
        [],
      );
      const programs = Object.entries(ProgramType).filter(([, type]) => type !== ProgramType.Unspec);
      const absent = programs.filter(([, type]) => !hasProgramType(kernel, type)).map(([name]) => name);
      // Debian's cloud kernel has no infrared receivers.
      assert.deepEqual(absent, ["LircMode2"]);
    },
  },
  {
    name: "map type bloom filter takes values, and only those",
    run({ kernel }) {
      withMap(kernel, MapType.BloomFilter, [0, 4, 100], (map) => {
        const none = new Uint8Array(0);
        for (let value = 0; value < 50; value++) kernel.mapUpdate(map, none, word(value * 7), 0);
        fails(Errno.EINVAL, () => kernel.mapUpdate(map, none, word(1), 1));
        assert.equal(kernel.mapInfo(map).mapExtra, 0n);
      });
    },
  },
  {
    name: "map types devmap, cpumap and cgroup array take interfaces, CPUs and cgroups",
    run({ kernel }) {
      withMap(kernel, MapType.Devmap, [4, 4, 4], (map) => {
        kernel.mapUpdate(map, word(2), word(kernel.network.interfaceIndex("lo")), 0);
        assert.deepEqual(kernel.mapLookup(map, word(2)), word(1));
        fails(Errno.EINVAL, () => kernel.mapUpdate(map, word(2), word(99), 0));
        assert.equal(kernel.mapDelete(map, word(2)), true);
      });
      withMap(kernel, MapType.Cpumap, [4, 4, kernel.possibleCpus.length], (map) => {
        kernel.mapUpdate(map, word(1), word(64), 0);
        assert.deepEqual(kernel.mapLookup(map, word(1)), word(64));
        assert.equal(kernel.mapDelete(map, word(1)), true);
      });
      withMap(kernel, MapType.CgroupArray, [4, 4, 2], (map) => {
        const folder = kernel.links.openTarget("/sys/fs/cgroup");
        kernel.mapUpdate(map, word(1), word(folder), 0);
        fails(Errno.EBADF, () => kernel.mapUpdate(map, word(0), word(map), 0));
        kernel.close(folder);
      });
    },
  },
  {
    name: "map type prog array: tail calls by static values, replaced and removed",
    programs: [tailCalls],
    async run(guest) {
      const bpf = await guest.open(tailCalls);
      try {
        const run = (): number => bpf.program("start").testRun({ data: new Uint8Array(64) }).returnValue;
        assert.equal(run(), 42);
        bpf.table("jumps").setProgram(0, "other");
        assert.equal(run(), 43);
        bpf.collection.maps.get("jumps")?.deleteBytes(word(0));
        assert.equal(run(), 1);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "map types task and inode storage: values of their own for each owner",
    programs: [storage],
    async run(guest) {
      const bpf = await guest.open(storage);
      try {
        for (let round = 0; round < 3; round++) closeSync(openSync("/etc/guest-file", "r"));
        for (let round = 0; round < 2; round++) closeSync(openSync("/etc/passwd", "r"));
        const counts = bpf
          .table("highest")
          .items()
          .map(([, value]) => Number(value));
        // Of this task, every open; of the two files, their own.
        assert.deepEqual(counts, [5, 3]);
      } finally {
        bpf.close();
      }
    },
  },
];
