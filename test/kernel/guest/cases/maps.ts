/** Guest tests of map types: create, update, look up, walk, delete on a real kernel. */
import { strict as assert } from "node:assert";
import { Errno, MapType } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
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
];
