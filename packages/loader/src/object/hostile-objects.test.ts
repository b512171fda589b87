/**
 * Damaged and hostile objects: whatever the bytes say, reading, loading and attaching either works or ends in one error of
 * ours, soon. HOSTILE_SECONDS says for how long to look (4 unless given), HOSTILE_SEED where to start.
 */
import { readdirSync, readFileSync } from "node:fs";
import { BpfkitError, InternalError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { autoAttach } from "../link/auto-attach.ts";
import { attachStructOps } from "../link/struct-ops.ts";
import { CollectionSpec } from "../spec/collection-spec.ts";
import { kernelTest } from "../testdata/host-kernel.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { structOpsTypes } from "../testdata/struct-ops-types.ts";
import { Collection } from "./collection.ts";

const sources = ["collection", "externs", "pinned", "kernel-symbols", "struct-ops"];
const objects = sources.map((name) => compileNative(new URL(`../testdata/${name}.bpf.c`, import.meta.url)));
const seconds = Number(process.env["HOSTILE_SECONDS"] ?? 4);
const firstSeed = Number(process.env["HOSTILE_SEED"] ?? 1);
/** No object of a few kilobytes may keep the loader busy for longer. */
const longestMs = 10_000;

/** Numbers from a seed (xorshift). */
function randomFrom(seed: number): (below: number) => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Values that break size computations. */
const nasty = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff8];

/** One damaged copy: bytes, words or whole stretches changed, or the end cut off. */
function damage(original: Uint8Array, random: (below: number) => number): Uint8Array {
  const bytes = original.slice(0, random(8) === 0 ? random(original.length) + 1 : original.length);
  const view = new DataView(bytes.buffer);
  const hits = 1 + random(random(4) === 0 ? 40 : 5);
  for (let hit = 0; hit < hits; hit++) {
    const at = random(bytes.length);
    switch (random(4)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        if (at + 4 <= bytes.length) view.setUint32(at & ~3, nasty[random(nasty.length)] ?? 0, true);
        break;
      case 2:
        bytes.copyWithin(at, random(bytes.length), random(bytes.length));
        break;
      default:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    }
  }
  return bytes;
}

/** How it ended: `loaded`, or the error's code. @throws anything that is no error of ours */
function tryObject(bytes: Uint8Array): string {
  const kernel = new RecordingKernel();
  try {
    const spec = CollectionSpec.fromObject(bytes, "hostile.o");
    const structs = [...spec.maps.values()].some(({ structOps }) => structOps !== undefined);
    const loaded = Collection.load(spec, kernel, structs ? { targetBtf: structOpsTypes() } : {});
    for (const program of loaded.programs.values()) autoAttach(kernel, program, loaded.maps);
    for (const map of loaded.maps.values()) if (map.kernelValue !== undefined) attachStructOps(kernel, map);
    for (const name of spec.variables.keys()) loaded.variable(name).read();
    loaded.close();
    return "loaded";
  } catch (error) {
    if (error instanceof BpfkitError && !(error instanceof InternalError)) return error.code;
    throw error;
  }
}

if (objects.every((object) => object !== undefined)) {
  test("damaged objects end in one error of ours", () => {
    const end = performance.now() + seconds * 1000;
    const outcomes = new Map<string, number>();
    let seed = firstSeed;
    for (; performance.now() < end; seed++) {
      const random = randomFrom(seed);
      const original = objects[seed % objects.length];
      assert.ok(original);
      const started = performance.now();
      let outcome: string;
      try {
        outcome = tryObject(damage(original, random));
      } catch (error) {
        throw new Error(`HOSTILE_SEED=${seed}: ${error instanceof Error ? error.stack : String(error)}`);
      }
      assert.ok(performance.now() - started < longestMs, `HOSTILE_SEED=${seed} took too long`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    process.stderr.write(
      `hostile objects: seeds ${firstSeed} to ${seed - 1}, ${outcomes.get("loaded") ?? 0} loaded\n`,
    );
    assert.ok(seed - firstSeed > 20 && outcomes.size > 3, JSON.stringify([...outcomes]));
  });

  kernelTest("a thousand loads leave no descriptor and no memory behind", (kernel) => {
    const [, , object] = objects;
    assert.ok(object);
    const cycle = (): void => {
      const spec = CollectionSpec.fromObject(object, "cycle.o");
      const kept = spec.maps.get("kept");
      if (kept !== undefined) kept.pinning = 0;
      const loaded = Collection.load(spec, kernel);
      loaded.programs.get("count")?.testRun({ data: new Uint8Array(64) });
      loaded.variable("slot").read();
      loaded.close();
    };
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const mapped = (): number =>
      readFileSync("/proc/self/maps", "utf8")
        .split("\n")
        .filter((line) => line.includes("bpf-map")).length;
    for (let warm = 0; warm < 50; warm++) cycle();
    globalThis.gc?.();
    const before = { descriptors: descriptors(), mapped: mapped(), memory: process.memoryUsage().rss };
    for (let round = 0; round < 1000; round++) cycle();
    globalThis.gc?.();
    assert.is(descriptors(), before.descriptors);
    assert.is(mapped(), before.mapped);
    // A leak of one data section (a page) for each load would be 4 MiB, one of an object's reading far more.
    const grown = process.memoryUsage().rss - before.memory;
    assert.ok(grown < 200 << 20, `${grown >> 20} MiB more than before`);
  });
}

test.run();
