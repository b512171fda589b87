/** Tests of reading an object that native clang made: maps, data, programs, variables. */
import { MapType, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { CollectionSpec } from "./collection-spec.ts";

const object = compileNative(new URL("../testdata/collection.bpf.c", import.meta.url));

if (object !== undefined) {
  const spec = CollectionSpec.fromObject(object, "collection.bpf.o");

  test("the licence is read", () => {
    assert.is(spec.license, "Dual MIT/GPL");
  });

  test("map definitions are read with types, sizes and flags", () => {
    const table = spec.maps.get("table");
    assert.is(table?.type, MapType.Hash);
    assert.equal([table?.keySize, table?.valueSize, table?.maxEntries, table?.flags], [4, 32, 128, 1]);
    const value = spec.btf?.type(table?.valueTypeId ?? 0);
    assert.is(value?.kind === "struct" && value.name, "event");
    assert.is(spec.maps.get("ring")?.maxEntries, 8192);
  });

  test("maps of maps know their inner map and their first values", () => {
    const outer = spec.maps.get("outer");
    assert.is(outer?.type, MapType.ArrayOfMaps);
    assert.equal([outer?.keySize, outer?.valueSize], [4, 4]);
    assert.equal([outer?.inner?.type, outer?.inner?.maxEntries, outer?.inner?.valueSize], [2, 4, 8]);
    assert.equal(outer?.initialValues, [
      { index: 0, symbol: "inner_a" },
      { index: 2, symbol: "inner_b" },
    ]);
    assert.equal(spec.maps.get("jumps")?.initialValues, [{ index: 1, symbol: "tail_target" }]);
  });

  test("declaration tags on a map variable are kept", () => {
    assert.equal(spec.maps.get("events")?.tags, ["bpfkit:event:struct event"]);
    assert.equal(spec.maps.get("table")?.tags, []);
  });

  test("data sections are one-element arrays with their contents", () => {
    const rodata = spec.maps.get(".rodata");
    assert.equal([rodata?.type, rodata?.maxEntries, rodata?.frozen, rodata?.flags], [2, 1, true, 128]);
    assert.is(rodata?.kernelName, "collecti.rodata");
    assert.is(spec.maps.get(".data")?.frozen, false);
    const bss = spec.maps.get(".bss");
    assert.ok(bss !== undefined && (bss.contents?.every((byte) => byte === 0) ?? false));
  });

  test("variables are found by name, in the right place", () => {
    const limit = spec.variables.get("limit");
    assert.is(limit?.map.name, ".rodata");
    assert.is(limit?.constant, true);
    assert.is(limit?.map.contents?.[limit.offset], 7);
    const started = spec.variables.get("started");
    assert.is(started?.map.contents?.[started.offset], 3);
    const hidden = spec.variables.get("hidden_total");
    assert.is(hidden?.map.contents?.[hidden.offset], 0xfe);
    assert.is(spec.variables.get("greeting")?.size, 8);
    assert.is(spec.variables.get("counter")?.map.name, ".bss");
  });

  test("programs are typed by their sections, several in one section too", () => {
    assert.equal([...spec.programs.keys()].sort(), ["first", "second", "tail_target", "third"]);
    const first = spec.programs.get("first");
    assert.is(first?.type, ProgramType.Tracepoint);
    assert.is(first?.attachTo, "syscalls/sys_enter_execve");
    for (const name of ["second", "third"]) {
      const program = spec.programs.get(name);
      assert.equal([program?.type, program?.method, program?.attachTo], [2, "kprobe", "do_sys_openat2"]);
    }
    const tail = spec.programs.get("tail_target");
    assert.equal([tail?.autoload, tail?.section, tail?.attachTo], [false, "kprobe", undefined]);
  });

  test("cut and damaged objects give errors of ours, never others", () => {
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return seed % below;
    };
    for (let round = 0; round < 600; round += 1) {
      const bytes = object.slice(0, round % 3 === 0 ? random(object.length) : object.length);
      for (let hit = 0; hit < 1 + (round % 7); hit += 1) bytes[random(bytes.length)] = random(256);
      try {
        CollectionSpec.fromObject(bytes, "damaged.o");
      } catch (error) {
        assert.ok(
          error instanceof BpfkitError,
          `round ${round}: ${error instanceof Error ? error.stack : error}`,
        );
        assert.match(error.code, /^(EL|LD|BY)\d{3}$/);
      }
    }
  });
}

test("section names without meaning are refused when loading, not when reading", async () => {
  const { sectionMeaning } = await import("./sections.ts");
  assert.is(sectionMeaning("nonsense/x"), undefined);
  assert.is(sectionMeaning("socket/x"), undefined);
  assert.is(sectionMeaning("tp/sched/sched_switch")?.target, "sched/sched_switch");
  assert.is(sectionMeaning("kprobe.multi/tcp_*")?.definition.method, "kprobe-multi");
  assert.is(sectionMeaning("fentry.s/x")?.definition.sleepable, true);
  assert.is(sectionMeaning("cgroup_skb/egress")?.definition.attachType, 1);
});

test.run();
