/** Tests of loading into a kernel that records what it is asked. */
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import { VerifierRejection } from "@bpfkit/base/kernel";
import { decodeInstructions } from "@bpfkit/elf/isa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { CollectionSpec } from "../spec/collection-spec.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { Collection } from "./collection.ts";
import { ProgramLoadError } from "./program-load-error.ts";

const object = compileNative(new URL("../testdata/collection.bpf.c", import.meta.url));

if (object !== undefined) {
  /** A new spec with the tail call target switched on. */
  const fresh = (tailTarget = true): CollectionSpec => {
    const spec = CollectionSpec.fromObject(object, "collection.bpf.o");
    const tail = spec.programs.get("tail_target");
    if (tail !== undefined) tail.autoload = tailTarget;
    return spec;
  };

  test("maps are created with the kernel's idea of their sizes", () => {
    const kernel = new RecordingKernel();
    const collection = Collection.load(fresh(), kernel);
    const attributes = (name: string) =>
      kernel.maps.get(collection.maps.get(name)?.fd ?? (0 as never))?.attributes;
    assert.is(attributes("events")?.maxEntries, 4);
    assert.is(attributes("ring")?.maxEntries, 8192);
    assert.is(attributes("table")?.btfValueTypeId !== undefined, true);
    assert.is(attributes(".rodata")?.name, "collecti.rodata");
    assert.is(attributes("outer")?.innerMap !== undefined, true);
    assert.is(kernel.maps.get(collection.maps.get(".rodata")?.fd ?? (0 as never))?.frozen, true);
    collection.close();
  });

  test("closing leaves no descriptor behind, twice does no harm", () => {
    const kernel = new RecordingKernel();
    const collection = Collection.load(fresh(), kernel);
    assert.ok(kernel.open.size > 10);
    collection.close();
    collection.close();
    assert.is(kernel.open.size, 0);
  });

  test("instructions hold map descriptors and data addresses", () => {
    const kernel = new RecordingKernel();
    const collection = Collection.load(fresh(), kernel);
    const fd = (name: string): number => collection.maps.get(name)?.fd ?? -1;
    const loads = decodeInstructions(collection.programs.get("third")?.instructions ?? new Uint8Array())
      .filter((instruction) => instruction.opcode === 0x18)
      .map(({ src, imm, immHigh }) => [src, imm, immHigh]);
    const format = collection.spec.variables.get("third.format");
    assert.equal(loads, [
      [2, fd(".rodata"), format?.offset],
      [1, fd("jumps"), 0],
    ]);
    assert.is(kernel.programs.size, 4);
    collection.close();
  });

  test("inner maps and tail call targets are filled in", () => {
    const kernel = new RecordingKernel();
    const collection = Collection.load(fresh(), kernel);
    const words = (name: string) =>
      [...(kernel.maps.get(collection.maps.get(name)?.fd ?? (0 as never))?.entries ?? [])].map(
        ([key, value]) => [Number(key.split(",")[0]), value[0]],
      );
    assert.equal(words("outer"), [
      [0, collection.maps.get("inner_a")?.fd],
      [2, collection.maps.get("inner_b")?.fd],
    ]);
    assert.equal(words("jumps"), [[1, collection.programs.get("tail_target")?.fd]]);
    collection.close();
  });

  test("a tail call target that is not loaded is named", () => {
    const kernel = new RecordingKernel();
    assert.throws(
      () => Collection.load(fresh(false), kernel),
      (error: unknown) => error instanceof BpfkitError && /jumps.*tail_target/.test(error.message),
    );
    assert.is(kernel.open.size, 0);
  });

  test("every function has its record at its new place", () => {
    const kernel = new RecordingKernel();
    const collection = Collection.load(fresh(), kernel);
    const attributes = kernel.programs.get(collection.programs.get("first")?.fd ?? (0 as never));
    const view = new DataView(attributes?.funcInfo?.buffer ?? new ArrayBuffer(0));
    assert.is(view.byteLength, 4 * 8);
    assert.is(view.getUint32(0, true), 0);
    for (let index = 0; index < 4; index += 1) {
      const type = collection.spec.btf?.type(view.getUint32(index * 8 + 4, true));
      assert.is(type?.kind, "func");
    }
    assert.is((attributes?.lineInfo?.length ?? 1) % 16, 0);
    collection.close();
  });

  test("a rejection is told with the verifier's words, the C line and advice; nothing stays open", () => {
    const kernel = new RecordingKernel();
    const log =
      "0: (18) r1 = 0x0\n3: (79) r3 = *(u64 *)(r0 +0)\nR0 invalid mem access 'map_value_or_null'\nprocessed 5 insns\n";
    kernel.rejection = new SyscallError("BPF_PROG_LOAD", Errno.EACCES, { cause: new VerifierRejection(log) });
    try {
      Collection.load(fresh(), kernel);
      assert.unreachable();
    } catch (error) {
      if (!(error instanceof ProgramLoadError)) throw error;
      assert.match(error.message, "invalid mem access 'map_value_or_null'");
      assert.match(error.hint ?? "", /if \(!p\) return 0/);
      assert.is(error.kind, "maybe_null");
      assert.match(error.diagnostics[0]?.range?.file ?? "", /collection\.bpf\.c$/);
      assert.is(error.log, log);
    }
    assert.is(kernel.open.size, 0);
  });

  const relocated = compileNative(new URL("../testdata/co-re.bpf.c", import.meta.url)) ?? object;
  test("damaged objects give errors of ours when loaded too, and leave nothing open", () => {
    let seed = 4711;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const target = CollectionSpec.fromObject(relocated, "target.o").btf;
    let loaded = 0;
    for (let round = 0; round < 600; round += 1) {
      const bytes = (round % 2 === 0 ? object : relocated).slice();
      for (let hit = 0; hit < 1 + (round % 3); hit += 1) bytes[64 + random(bytes.length - 64)] = random(256);
      const kernel = new RecordingKernel();
      try {
        const spec = CollectionSpec.fromObject(bytes, "damaged.o");
        for (const program of spec.programs.values()) program.autoload = true;
        const options = target === undefined ? {} : { targetBtf: target };
        Collection.load(spec, kernel, options).close();
        loaded += 1;
      } catch (error) {
        assert.ok(
          error instanceof BpfkitError,
          `round ${round}: ${error instanceof Error ? error.stack : error}`,
        );
        assert.is.not(error.code, "IN001", error.message);
      }
      assert.is(kernel.open.size, 0, `round ${round}`);
    }
    assert.ok(loaded > 50, `${loaded} loaded`);
  });

  test("entries are read back decoded", () => {
    const kernel = new RecordingKernel();
    const collection = Collection.load(fresh(), kernel);
    const table = collection.maps.get("table");
    table?.update(5, { pid: 77, comm: "bash", ts: 9n });
    table?.update(6, { pid: 78, comm: "cat", ts: 10n });
    assert.equal(table?.lookup(5), { pid: 77, comm: "bash", ts: 9n });
    assert.equal(
      [...(table?.entries() ?? [])].map(([key]) => key),
      [5, 6],
    );
    assert.is(table?.delete(5), true);
    assert.is(table?.lookup(5), undefined);
    collection.close();
  });
}

test.run();
