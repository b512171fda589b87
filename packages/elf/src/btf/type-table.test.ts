/** Tests of reading BTF. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BtfBuilder, BtfTable, type BtfType, findMember, findPath, references } from "./index.ts";

const code = (wanted: string) => (error: unknown) => error instanceof BpfkitError && error.code === wanted;

/** One of every kind. */
const everyKind: readonly BtfType[] = [
  { kind: "int", name: "int", size: 4, bits: 32, bitOffset: 0, signed: true, char: false, bool: false },
  { kind: "ptr", type: 1 },
  { kind: "array", elementType: 1, indexType: 1, count: 16 },
  {
    kind: "struct",
    name: "s",
    size: 16,
    members: [
      { name: "a", type: 2, bitOffset: 0, bitSize: 0 },
      { name: "b", type: 1, bitOffset: 64, bitSize: 3 },
      { name: "c", type: 1, bitOffset: 67, bitSize: 29 },
    ],
  },
  { kind: "union", name: "u", size: 64, members: [{ name: "all", type: 3, bitOffset: 0, bitSize: 0 }] },
  { kind: "enum", name: "e", size: 4, signed: true, values: [{ name: "MINUS", value: -1 }] },
  { kind: "fwd", name: "f", isUnion: true },
  { kind: "typedef", name: "t", type: 4 },
  { kind: "volatile", type: 8 },
  { kind: "const", type: 9 },
  { kind: "restrict", type: 2 },
  {
    kind: "func_proto",
    returnType: 1,
    params: [
      { name: "x", type: 2 },
      { name: "", type: 0 },
    ],
  },
  { kind: "func", name: "main", type: 12, linkage: "global" },
  { kind: "var", name: "v", type: 1, linkage: "extern" },
  { kind: "datasec", name: ".data", size: 4, entries: [{ type: 14, offset: 0, size: 4 }] },
  { kind: "float", name: "double", size: 8 },
  { kind: "decl_tag", name: "tag", type: 4, componentIndex: 1 },
  { kind: "type_tag", name: "user", type: 1 },
  {
    kind: "enum64",
    name: "e64",
    size: 8,
    signed: false,
    values: [
      { name: "BIG", value: 0xffff_ffff_ffff_fffen },
      { name: "ONE", value: 1n },
    ],
  },
  { kind: "enum64", name: "s64", size: 8, signed: true, values: [{ name: "LOW", value: -(2n ** 63n) }] },
  { kind: "enum", name: "flags", size: 4, signed: false, values: [{ name: "TOP", value: 0x8000_0000 }] },
  { kind: "type_tag", name: "address_space(1)", type: 1, attribute: true },
];

function build(types: readonly BtfType[]): Uint8Array {
  const builder = new BtfBuilder();
  for (const type of types) builder.add(type);
  return builder.encode();
}

test("every kind comes back as it went in", () => {
  const table = BtfTable.decode(build(everyKind));
  assert.is(table.typeCount, everyKind.length + 1);
  for (const [index, type] of everyKind.entries()) {
    assert.equal(table.type(index + 1), type);
    assert.is(table.kindOf(index + 1), type.kind);
    assert.is(table.nameOf(index + 1), "name" in type ? type.name : "");
  }
  assert.equal(table.type(0), { kind: "void" });
});

test("sizes, alignments and stripped types", () => {
  const table = BtfTable.decode(build(everyKind));
  assert.equal(
    [0, 1, 2, 3, 4, 5, 8, 10, 12, 13, 14, 15, 19].map((id) => table.sizeOf(id)),
    [0, 4, 8, 64, 16, 64, 16, 16, 0, 0, 4, 4, 8],
  );
  assert.equal(
    [1, 2, 3, 4, 5, 10, 16].map((id) => table.alignOf(id)),
    [4, 8, 4, 8, 4, 8, 8],
  );
  assert.is(table.resolve(10), 4);
  assert.is(table.resolve(11), 2);
  assert.throws(() => table.sizeOf(7), code("EL110"));
});

test("names are found by kind, in split BTF through the base first", () => {
  const base = BtfTable.decode(build(everyKind));
  const builder = new BtfBuilder({ base });
  assert.is(builder.typeCount, base.typeCount);
  const id = builder.add({
    kind: "struct",
    name: "s",
    size: 4,
    members: [{ name: "n", type: 1, bitOffset: 0, bitSize: 0 }],
  });
  const split = BtfTable.decode(builder.encode(), { base });
  assert.is(split.find("s"), 4);
  assert.equal(split.findAll("s"), [4, id]);
  assert.is(split.find("s", "union"), undefined);
  assert.is(split.find("e", "enum"), 6);
  assert.is(split.find(""), undefined);
  assert.is(split.nameOf(id), "s");
  assert.is(split.nameOf(4), "s");
  assert.equal([...split.typesOfKind("struct")], [4, id]);
  assert.is(split.sizeOf(id), 4);
});

test("enums are found by their enumerators", () => {
  const table = BtfTable.decode(build(everyKind));
  assert.equal(table.enumsWithValues(new Set(["TOP", "MINUS", "LOW", "MIN", "a"])), [6, 20, 21]);
  assert.equal(table.enumsWithValues(new Set()), []);
});

test("the builder merges what has no identity and nothing else", () => {
  const builder = new BtfBuilder();
  const int = everyKind[0] as BtfType;
  assert.is(builder.add(int), 1);
  assert.is(builder.add({ ...int }), 1);
  assert.is(builder.add({ kind: "ptr", type: 1 }), 2);
  assert.is(builder.add({ kind: "ptr", type: 1 }), 2);
  assert.is(builder.add({ kind: "ptr", type: 2 }), 3);
  const struct: BtfType = { kind: "struct", name: "", size: 0, members: [] };
  assert.is.not(builder.add(struct), builder.add(struct));
  const reserved = builder.reserve();
  assert.throws(() => builder.encode(), /never set/);
  builder.set(reserved, { kind: "ptr", type: reserved });
  assert.equal(BtfTable.decode(builder.encode()).type(reserved), { kind: "ptr", type: reserved });
});

test("members through anonymous ones, and paths", () => {
  const int = everyKind[0] as BtfType;
  const table = BtfTable.decode(
    build([
      int,
      { kind: "union", name: "", size: 4, members: [{ name: "deep", type: 1, bitOffset: 0, bitSize: 0 }] },
      {
        kind: "struct",
        name: "inner",
        size: 8,
        members: [
          { name: "x", type: 1, bitOffset: 0, bitSize: 0 },
          { name: "", type: 2, bitOffset: 32, bitSize: 0 },
        ],
      },
      { kind: "array", elementType: 3, indexType: 1, count: 4 },
      {
        kind: "struct",
        name: "outer",
        size: 36,
        members: [
          { name: "flags", type: 1, bitOffset: 3, bitSize: 5 },
          { name: "list", type: 4, bitOffset: 32, bitSize: 0 },
        ],
      },
    ]),
  );
  assert.equal(findMember(table, 3, "deep")?.indices, [1, 0]);
  assert.is(findMember(table, 3, "deep")?.bitOffset, 32);
  assert.is(findMember(table, 3, "none"), undefined);
  assert.equal(findPath(table, 5, "list[2].deep"), { type: 1, bitOffset: 32 + 2 * 64 + 32, bitSize: 0 });
  assert.equal(findPath(table, 5, "flags"), { type: 1, bitOffset: 3, bitSize: 5 });
  assert.is(findPath(table, 5, "flags[1]"), undefined);
  assert.equal(references(table.type(5)), [1, 4]);
});

test("chains without end and types inside themselves are refused", () => {
  const loop = BtfTable.decode(
    build([
      { kind: "typedef", name: "a", type: 2 },
      { kind: "const", type: 1 },
    ]),
  );
  assert.throws(() => loop.resolve(1), code("EL107"));
  assert.throws(() => loop.sizeOf(1), code("EL107"));
  assert.throws(() => loop.alignOf(1), code("EL107"));
  const inside: BtfType = {
    kind: "struct",
    name: "s",
    size: 4,
    members: [{ name: "m", type: 1, bitOffset: 0, bitSize: 0 }],
  };
  const nested = BtfTable.decode(build([inside]));
  assert.throws(() => nested.alignOf(1), code("EL107"));
  assert.is(findMember(nested, 1, "none"), undefined);
});

test("huge arrays do not overflow silently", () => {
  const types: BtfType[] = [everyKind[0] as BtfType];
  for (let id = 1; id < 6; id++)
    types.push({ kind: "array", elementType: id, indexType: 1, count: 0xffff_ffff });
  assert.throws(() => BtfTable.decode(build(types)).sizeOf(6), code("EL108"));
});

test("a hundred thousand nested structs take no stack", () => {
  const builder = new BtfBuilder();
  builder.add(everyKind[0] as BtfType);
  for (let id = 1; id <= 100_000; id++) {
    builder.add({
      kind: "struct",
      name: "",
      size: 4,
      members: [{ name: "m", type: id, bitOffset: 0, bitSize: 0 }],
    });
  }
  const table = BtfTable.decode(builder.encode());
  assert.is(table.alignOf(100_001), 4);
});

function patched(at: number, ...bytes: number[]): Uint8Array {
  const copy = build(everyKind);
  copy.set(bytes, at);
  return copy;
}

const damaged: readonly (readonly [string, Uint8Array, string])[] = [
  ["empty", new Uint8Array(0), "EL101"],
  ["cut in the header", build(everyKind).subarray(0, 20), "EL101"],
  ["other magic", patched(0, 1, 2), "EL102"],
  ["version 2", patched(2, 2), "EL102"],
  ["short header", patched(4, 8), "EL103"],
  ["types outside", patched(12, 0xff, 0xff), "EL103"],
  ["strings outside", patched(20, 0xff, 0xff), "EL103"],
  ["cut at the end", build(everyKind).subarray(0, -1), "EL103"],
  ["unknown kind", patched(24 + 7, 31), "EL104"],
  ["kind void", patched(24 + 7, 0), "EL104"],
  ["too many members", patched(24 + 16 + 12 + 24 + 4, 0xff, 0xff), "EL104"],
  ["no first NUL", patched(24 + new DataView(build(everyKind).buffer).getUint32(12, true), 65), "EL105"],
  ["no last NUL", patched(build(everyKind).length - 1, 65), "EL105"],
];

for (const [name, bytes, wanted] of damaged) {
  test(`damage is refused: ${name}`, () => {
    assert.throws(() => {
      const table = BtfTable.decode(bytes);
      for (let id = 0; id < table.typeCount; id++) table.type(id);
    }, code(wanted));
  });
}

test("ids and strings outside the table are refused", () => {
  const table = BtfTable.decode(build(everyKind));
  assert.throws(() => table.type(everyKind.length + 1), code("EL106"));
  assert.throws(() => table.type(-1), code("EL106"));
  assert.throws(() => table.string(1 << 20), code("EL105"));
});

test.run();
