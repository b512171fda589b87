/** The behaviour every map type shares, through programs and through bpf(2), and what is special about each. */
import { Errno, errnoName, MapType } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { engines, FIRST_FD, Lab } from "../testdata/lab.ts";
import { type MapStep, mapScripts } from "../testdata/map-scripts.ts";
import { Dice } from "../testdata/random-program.ts";
import { createFromScript, runOnOurs } from "../testdata/run-map-script.ts";
import { LpmTrieMap } from "./lpm-trie.ts";

const KEY_AT = 16;
const VALUE_AT = 32;

/** Context: u64 operation, u64 flags, key at 16, value at 32; the value found is copied back. */
const operator = `
  r6 = r1
  r7 = *(u64 *)(r6 +0)
  r1 = map[fd:${FIRST_FD}]
  r2 = r6
  r2 += ${KEY_AT}
  if r7 == 1 goto update
  if r7 == 2 goto delete
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r1 = *(u32 *)(r0 +0)
  *(u32 *)(r6 +${VALUE_AT}) = r1
  r1 = *(u8 *)(r0 +4)
  *(u8 *)(r6 +${VALUE_AT + 4}) = r1
  r0 = 1
out: exit
update:
  r3 = r6
  r3 += ${VALUE_AT}
  r4 = *(u64 *)(r6 +8)
  call bpf_map_update_elem
  exit
delete:
  call bpf_map_delete_elem
  exit`;

const flagBits = { any: 0, noexist: 1, exist: 2 } as const;

for (const engine of engines) {
  const scripts = mapScripts.filter(({ type, steps }) => {
    return steps.length > 0 && /hash|array$|lpm/.test(type) && !type.startsWith("perf");
  });
  for (const script of scripts) {
    test(`${script.name}: programs (${engine}) get the same answers as bpf(2)`, () => {
      const expected = runOnOurs(script).slice(1);
      const lab = new Lab(engine);
      const map = createFromScript(lab, script);
      const program = lab.load(operator);
      const { memory } = lab.world;
      const context = lab.context(new Uint8Array(48));
      const run = (step: MapStep & { key: readonly number[] }): string => {
        memory.u8.fill(0, context, context + 48);
        const operation = step.do === "update" ? 1 : step.do === "delete" ? 2 : 0;
        memory.view.setUint32(context, operation, true);
        memory.u8.set(step.key, context + KEY_AT);
        if (step.do === "update") {
          memory.view.setUint32(context + 8, flagBits[step.flags ?? "any"], true);
          memory.u8.set(step.value, context + VALUE_AT);
        }
        const result = BigInt.asIntN(64, program.run(memory.addressOf(context)));
        if (result < 0n) return errnoName(Number(-result));
        if (operation !== 0) return "ok";
        const value = memory.u8.subarray(context + VALUE_AT, context + VALUE_AT + 5);
        return result === 0n ? "ENOENT" : Buffer.from(value).toString("hex");
      };
      script.steps.forEach((step, i) => {
        if (!("key" in step)) return;
        // Programs change the value of one CPU; here they only ever run on CPU 0.
        assert.is(run(step), expected[i], `step ${i}: ${JSON.stringify(step)}`);
      });
      map.destroy();
    });
  }
}

function u32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function errnoOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof SyscallError) return errnoName(error.errno);
    throw error;
  }
  return "no error";
}

for (const [name, type] of [
  ["hash", MapType.Hash],
  ["LRU hash", MapType.LruHash],
] as const) {
  test(`${name}: ten thousand random operations agree with a JavaScript Map`, () => {
    const lab = new Lab("jit");
    const map = lab.map({ type, keySize: 6, valueSize: 4, maxEntries: 2000 });
    const model = new Map<string, number>();
    const dice = new Dice(7);
    for (let i = 0; i < 10_000; i++) {
      const key = new Uint8Array(6);
      new DataView(key.buffer).setUint32(1, dice.below(1500), true);
      const text = key.join();
      switch (dice.below(4)) {
        case 0:
          assert.is(map.erase(key), model.delete(text));
          break;
        case 1: {
          const value = map.read(key);
          assert.is(
            value === undefined ? undefined : new DataView(value.buffer).getUint32(0, true),
            model.get(text),
          );
          break;
        }
        default:
          map.write(key, u32(i), 0);
          model.set(text, i);
      }
    }
    const keys: string[] = [];
    for (let key = map.nextKey(undefined); key !== undefined; key = map.nextKey(key)) keys.push(key.join());
    assert.equal(keys.sort(), [...model.keys()].sort());
  });
}

test("a full LRU map drops what was used longest ago; lookups by programs are uses, by bpf(2) not", () => {
  const lab = new Lab("jit");
  const map = lab.map({ type: MapType.LruHash, keySize: 4, valueSize: 4, maxEntries: 3 });
  for (const key of [1, 2, 3]) map.write(u32(key), u32(key), 0);
  const { memory } = lab.world;
  const at = lab.context(u32(1, 0));
  assert.ok(map.lookup(at) !== 0);
  map.read(u32(2));
  map.write(u32(4), u32(4), 0);
  assert.is(map.read(u32(2)), undefined);
  map.write(u32(5), u32(5), 0);
  const left = [1, 2, 3, 4, 5].filter((key) => map.read(u32(key)) !== undefined);
  assert.equal(left, [1, 4, 5]);
  memory.view.setUint32(at, 4, true);
  assert.is(map.remove(at), 0);
  assert.is(map.remove(at), -Errno.ENOENT);
});

test("LRU per-CPU map keeps working when it evicts all the time", () => {
  const lab = new Lab("jit");
  const map = lab.map({ type: MapType.LruPercpuHash, keySize: 4, valueSize: 4, maxEntries: 10 });
  const all = new Uint8Array(8 * 4);
  for (let i = 0; i < 1000; i++) {
    all.fill(i & 0xff);
    map.write(u32(i), all, 0);
  }
  let count = 0;
  for (let key = map.nextKey(undefined); key !== undefined; key = map.nextKey(key)) count++;
  assert.is(count, 10);
  assert.equal(map.read(u32(999))?.slice(0, 4), new Uint8Array(4).fill(999 & 0xff));
});

for (const [name, type] of [
  ["per-CPU hash", MapType.PercpuHash],
  ["per-CPU array", MapType.PercpuArray],
] as const) {
  test(`${name}: each CPU has a value of its own, new ones are zero elsewhere`, () => {
    const lab = new Lab("jit");
    const map = lab.map({ type, keySize: 4, valueSize: 4, maxEntries: 4 });
    const at = lab.context(new Uint8Array(16));
    lab.world.memory.view.setUint32(at + 8, 77, true);
    lab.world.cpu = 2;
    assert.is(map.update(at, at + 8, 0), 0);
    lab.world.cpu = 0;
    lab.world.memory.view.setUint32(at + 8, 55, true);
    assert.is(map.update(at, at + 8, 0), 0);
    const value = new Uint32Array(map.read(u32(0))?.buffer as ArrayBuffer);
    assert.equal([...value], [55, 0, 0, 0, 77, 0, 0, 0]);
    assert.is(lab.world.memory.view.getUint32(map.lookupPerCpu(at, 2), true), 77);
    assert.is(map.lookupPerCpu(at, 4), 0);
    assert.is(map.lookupPerCpu(at, -1), 0);
  });
}

test("replacing a hash value leaves the old one to who points at it", () => {
  const lab = new Lab("jit");
  const map = lab.map({ type: MapType.Hash, keySize: 4, valueSize: 4, maxEntries: 1 });
  map.write(u32(1), u32(10), 0);
  const at = lab.context(u32(1, 0));
  const old = map.lookup(at);
  map.write(u32(1), u32(20), 0);
  assert.is(lab.world.memory.view.getUint32(old, true), 10);
  assert.is(lab.world.memory.view.getUint32(map.lookup(at), true), 20);
});

test("wrong lengths of keys and values are EINVAL, also too long ones", () => {
  const lab = new Lab("jit");
  const map = lab.map({ type: MapType.Hash, keySize: 4, valueSize: 4 });
  assert.is(
    errnoOf(() => map.read(new Uint8Array(3))),
    "EINVAL",
  );
  assert.is(
    errnoOf(() => map.read(new Uint8Array(5))),
    "EINVAL",
  );
  assert.is(
    errnoOf(() => map.write(u32(1), new Uint8Array(8), 0)),
    "EINVAL",
  );
  assert.is(
    errnoOf(() => map.write(u32(1), u32(1), 4)),
    "EINVAL",
  );
});

test("access flags and freezing bind bpf(2) and programs separately", () => {
  const lab = new Lab("jit");
  const readOnly = lab.map({ type: MapType.Array, flags: 1 << 3 });
  assert.is(
    errnoOf(() => readOnly.write(u32(0), new Uint8Array(8), 0)),
    "EPERM",
  );
  const writeOnly = lab.map({ type: MapType.Array, flags: 1 << 4 });
  assert.is(
    errnoOf(() => writeOnly.read(u32(0))),
    "EPERM",
  );
  const data = lab.map({ type: MapType.Array, valueSize: 12, maxEntries: 1, flags: 1 << 7 });
  const { memory } = lab.world;
  assert.ok(memory.programMayRead(data.directValue(), 12));
  assert.not(memory.programMayRead(data.directValue(), 13));
  assert.not(memory.programMayWrite(data.directValue(), 1));
  data.write(u32(0), new Uint8Array(12).fill(3), 0);
  data.freeze();
  assert.is(
    errnoOf(() => data.write(u32(0), new Uint8Array(12), 0)),
    "EPERM",
  );
  assert.equal(data.read(u32(0)), new Uint8Array(12).fill(3));
});

test("elements do not touch each other: the byte after a value belongs to nobody", () => {
  const lab = new Lab("jit");
  const { memory } = lab.world;
  for (const type of [MapType.Array, MapType.PercpuArray, MapType.Hash, MapType.PercpuHash]) {
    const map = lab.map({ type, keySize: 4, valueSize: 13, maxEntries: 3 });
    const at = lab.context(u32(1, 0));
    if (map.lookup(at) === 0) assert.is(map.update(at, at, 0), 0);
    const value = map.lookup(at);
    assert.ok(memory.programMayWrite(value, 13));
    assert.not(memory.programMayRead(value, 14));
    assert.not(memory.programMayRead(value - 1, 1));
  }
});

test("maps that do not fit are ENOMEM, sizes beyond u32 EINVAL, unknown types too", () => {
  const lab = new Lab("jit");
  const big = { type: MapType.Array, valueSize: 4_000_000, maxEntries: 0xffff_ffff };
  assert.is(
    errnoOf(() => lab.map(big)),
    "ENOMEM",
  );
  assert.is(
    errnoOf(() => lab.map({ type: MapType.Hash, keySize: 4_000_000, valueSize: 4_000_000 })),
    "E2BIG",
  );
  assert.is(
    errnoOf(() => lab.map({ type: MapType.Hash, maxEntries: 2 ** 40 })),
    "EINVAL",
  );
  assert.is(
    errnoOf(() => lab.map({ type: MapType.Hash, valueSize: -8 })),
    "EINVAL",
  );
  assert.is(
    errnoOf(() => lab.map({ type: 99 })),
    "EINVAL",
  );
  assert.throws(() => lab.map({ type: MapType.Sockmap }), /sockmap.*not supported/);
});

test("memory of a destroyed map is used again", () => {
  const lab = new Lab("jit");
  const definition = { type: MapType.Array, valueSize: 1 << 20, maxEntries: 8 } as const;
  for (let i = 0; i < 50; i++) {
    const map = lab.map(definition);
    map.write(u32(3), new Uint8Array(1 << 20).fill(1), 0);
    lab.machine.destroyMap(map);
  }
  assert.equal(lab.map(definition).read(u32(3)), new Uint8Array(1 << 20));
});

test("an LPM trie finds the longest prefix among thousands, as a scan does", () => {
  const lab = new Lab("jit");
  const map = lab.map({ type: MapType.LpmTrie, keySize: 8, valueSize: 4, maxEntries: 3000, flags: 1 });
  assert.instance(map, LpmTrieMap);
  const dice = new Dice(3);
  const entries = new Map<string, { length: number; bits: number; value: number }>();
  const mask = (length: number): number => (length === 0 ? 0 : (-1 << (32 - length)) >>> 0);
  const keyOf = (length: number, bits: number): Uint8Array => {
    const key = new Uint8Array(8);
    new DataView(key.buffer).setUint32(0, length, true);
    new DataView(key.buffer).setUint32(4, bits, false);
    return key;
  };
  for (let i = 0; i < 2000; i++) {
    const length = dice.below(33);
    const bits = ((dice.below(8) << 29) | (dice.bits() & 0x00ff_0f0f)) >>> 0;
    map.write(keyOf(length, bits), u32(i), 0);
    const masked = (bits & mask(length)) >>> 0;
    entries.set(`${length}/${masked}`, { length, bits: masked, value: i });
  }
  for (let i = 0; i < 300; i++) {
    const bits = ((dice.below(8) << 29) | (dice.bits() & 0x00ff_0f0f)) >>> 0;
    const best = [...entries.values()]
      .filter((entry) => (bits & mask(entry.length)) >>> 0 === entry.bits)
      .sort((a, b) => b.length - a.length)[0];
    const found = map.read(keyOf(32, bits));
    assert.is(found === undefined ? undefined : new DataView(found.buffer).getUint32(0, true), best?.value);
  }
});

test.run();
