/** Fields of kernel structs are found by BTF and written in their own width. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { BtfBuilder, BtfTable } from "@bpfkit/elf/btf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AddressSpace } from "../../memory/address-space.ts";
import { KernelObjects } from "./kernel-object.ts";
import { StructLayouts } from "./struct-layout.ts";

/**
 * struct outer { int pid; char comm[16]; union { struct { u64 deep; }; u32 first; }; u32 low:3, mid:7, high:22;
 *                struct pair pairs[3]; };
 */
function outerBtf(): BtfTable {
  const builder = new BtfBuilder();
  const int = (name: string, size: number, signed: boolean, char = false) =>
    builder.add({ kind: "int", name, size, bits: size * 8, bitOffset: 0, signed, char, bool: false });
  const i32 = int("int", 4, true);
  const u32 = int("unsigned int", 4, false);
  const u64 = int("unsigned long", 8, false);
  const char = int("char", 1, true, true);
  const comm = builder.add({ kind: "array", elementType: char, indexType: u32, count: 16 });
  const inner = builder.add({
    kind: "struct",
    name: "",
    size: 8,
    members: [{ name: "deep", type: u64, bitOffset: 0, bitSize: 0 }],
  });
  const union = builder.add({
    kind: "union",
    name: "",
    size: 8,
    members: [
      { name: "", type: inner, bitOffset: 0, bitSize: 0 },
      { name: "first", type: u32, bitOffset: 0, bitSize: 0 },
    ],
  });
  const pair = builder.add({
    kind: "struct",
    name: "pair",
    size: 16,
    members: [
      { name: "nr", type: i32, bitOffset: 0, bitSize: 0 },
      { name: "ns", type: u64, bitOffset: 64, bitSize: 0 },
    ],
  });
  const alias = builder.add({ kind: "typedef", name: "pair_t", type: pair });
  const pairs = builder.add({ kind: "array", elementType: alias, indexType: u32, count: 3 });
  builder.add({
    kind: "struct",
    name: "outer",
    size: 88,
    members: [
      { name: "pid", type: i32, bitOffset: 0, bitSize: 0 },
      { name: "comm", type: comm, bitOffset: 32, bitSize: 0 },
      { name: "", type: union, bitOffset: 192, bitSize: 0 },
      { name: "low", type: u32, bitOffset: 256, bitSize: 3 },
      { name: "mid", type: u32, bitOffset: 259, bitSize: 7 },
      { name: "high", type: u32, bitOffset: 266, bitSize: 22 },
      { name: "pairs", type: pairs, bitOffset: 320, bitSize: 0 },
    ],
  });
  return BtfTable.decode(builder.encode());
}

function fixture() {
  let asked = 0;
  const table = outerBtf();
  const layouts = new StructLayouts(() => {
    asked++;
    return table;
  });
  const memory = new AddressSpace();
  return { layouts, memory, objects: new KernelObjects(memory, layouts), asked: () => asked };
}

test("paths go through anonymous members, arrays and typedefs", () => {
  const { layouts, asked } = fixture();
  const places = ["pid", "comm", "deep", "first", "pairs[2].ns", "pairs[1].nr", "comm[3]"].map((path) => {
    const place = layouts.field("outer", path);
    return [path, place?.offset, place?.size];
  });
  assert.equal(places, [
    ["pid", 0, 4],
    ["comm", 4, 16],
    ["deep", 24, 8],
    ["first", 24, 4],
    ["pairs[2].ns", 80, 8],
    ["pairs[1].nr", 56, 4],
    ["comm[3]", 7, 1],
  ]);
  const before = asked();
  layouts.field("outer", "pairs[2].ns");
  assert.is(asked(), before, "answers are kept");
});

test("what a kernel does not have is undefined, or refused where it is needed", () => {
  const { layouts } = fixture();
  for (const path of ["nothing", "pid.more", "pairs[3].nr", "pairs[1].none", "comm[16]"]) {
    assert.is(layouts.field("outer", path), undefined, path);
  }
  assert.is(layouts.sizeOf("nowhere"), undefined);
  assert.throws(
    () => layouts.requiredField("outer", "nothing"),
    (error: unknown) => error instanceof BpfkitError && error.code === "VM041",
  );
});

test("values are written in the field's width; text is cut and ended", () => {
  const { objects, memory } = fixture();
  const object = objects.create("outer").set({
    pid: -7,
    comm: "a name of more than sixteen letters",
    deep: 0x1122_3344_5566_7788n,
    "pairs[2].ns": 5n,
    nothing: 1,
  });
  const bytes = memory.read(object.address, 88);
  assert.ok(bytes);
  const view = new DataView(bytes.buffer);
  assert.is(view.getInt32(0, true), -7);
  assert.is(new TextDecoder().decode(bytes.subarray(4, 20)), "a name of more \0");
  assert.is(view.getBigUint64(24, true), 0x1122_3344_5566_7788n);
  assert.is(view.getBigUint64(80, true), 5n);
  assert.is(object.addressOf("pairs[1].nr"), object.address + 56n);
  assert.is(object.addressOf("nothing"), 0n);
  object.set({ comm: "sh" });
  assert.equal(memory.read(object.address + 4n, 16)?.slice(0, 4), Uint8Array.of(115, 104, 0, 0));
});

test("bit-fields leave their neighbours alone", () => {
  const { objects, memory } = fixture();
  const object = objects.create("outer").set({ low: 5, mid: 0x7f, high: 0x15_5555 });
  const word = () => memory.getUint32(object.address + 32n);
  assert.is(word(), (5 | (0x7f << 3) | (0x15_5555 << 10)) >>> 0);
  object.set({ mid: 0 });
  assert.is(word(), (5 | (0x15_5555 << 10)) >>> 0);
});

test("a struct the kernel does not have is an address and nothing more", () => {
  const { objects } = fixture();
  const object = objects.create("no_such_struct").set({ field: 1 });
  assert.ok(object.address > 0n);
  assert.is(object.addressOf("field"), 0n);
});

test.run();
