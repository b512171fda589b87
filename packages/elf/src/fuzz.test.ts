/** Cut and flipped objects and BTF give a BpfkitError or a value, never anything else, and in bounded time. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BtfBuilder,
  BtfTable,
  type BtfType,
  decodeExtInfo,
  encodeExtInfo,
  findMember,
  printC,
  sliceTypes,
} from "./btf/index.ts";
import { assemble, decodeInstructions, encodeInstructions, printListing } from "./isa/index.ts";
import {
  type ObjectSection,
  RelocationType,
  readObject,
  SectionFlag,
  SectionType,
  writeObject,
} from "./object/index.ts";

/** A small generator with a fixed seed: failures repeat. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) % below;
  };
}

const types: readonly BtfType[] = [
  { kind: "int", name: "int", size: 4, bits: 32, bitOffset: 0, signed: true, char: false, bool: false },
  { kind: "ptr", type: 4 },
  { kind: "array", elementType: 1, indexType: 1, count: 3 },
  {
    kind: "struct",
    name: "node",
    size: 32,
    members: [
      { name: "next", type: 2, bitOffset: 0, bitSize: 0 },
      { name: "bits", type: 1, bitOffset: 64, bitSize: 5 },
      { name: "list", type: 3, bitOffset: 96, bitSize: 0 },
      { name: "", type: 5, bitOffset: 192, bitSize: 0 },
    ],
  },
  {
    kind: "union",
    name: "",
    size: 8,
    members: [
      { name: "pointer", type: 7, bitOffset: 0, bitSize: 0 },
      { name: "kind", type: 8, bitOffset: 0, bitSize: 0 },
    ],
  },
  {
    kind: "func_proto",
    returnType: 9,
    params: [
      { name: "a", type: 2 },
      { name: "", type: 0 },
    ],
  },
  { kind: "ptr", type: 6 },
  {
    kind: "enum",
    name: "kind",
    size: 4,
    signed: true,
    values: [
      { name: "ONE", value: 1 },
      { name: "TWO", value: -2 },
    ],
  },
  { kind: "typedef", name: "number", type: 10 },
  { kind: "const", type: 11 },
  { kind: "volatile", type: 1 },
  { kind: "enum64", name: "big", size: 8, signed: false, values: [{ name: "BIG", value: 1n << 63n }] },
  { kind: "fwd", name: "far", isUnion: false },
  { kind: "func", name: "main", type: 6, linkage: "global" },
  { kind: "var", name: "v", type: 9, linkage: "global" },
  { kind: "datasec", name: ".data", size: 4, entries: [{ type: 15, offset: 0, size: 4 }] },
  { kind: "float", name: "double", size: 8 },
  { kind: "decl_tag", name: "tag", type: 4, componentIndex: 0 },
  { kind: "type_tag", name: "user", type: 4 },
  { kind: "restrict", type: 2 },
];

const builder = new BtfBuilder();
for (const type of types) builder.set(builder.reserve(), type);
const extInfo = encodeExtInfo(
  {
    funcs: new Map([["kprobe/f", [{ insnOffset: 0, typeId: 14 }]]]),
    lines: new Map([["kprobe/f", [{ insnOffset: 0, file: "a.c", text: "return 0;", line: 3, column: 4 }]]]),
    coreRelocations: new Map([["kprobe/f", [{ insnOffset: 8, typeId: 4, access: "0:1", kind: 0 }]]]),
  },
  builder,
);
const btf = builder.encode();
const code = encodeInstructions(
  assemble("r6 = r1\nr1 = 0 ll\ncall 1\nif r0 == 0 goto end\nlock *(u64 *)(r0 +0) += r6\nend: r0 = 0\nexit"),
);

function object(): Uint8Array {
  const section = (name: string, data: Uint8Array, flags = 0): ObjectSection => ({
    name,
    type: SectionType.Progbits,
    flags,
    addressAlign: 8,
    entrySize: 0,
    size: data.length,
    data,
    relocations: name === "kprobe/f" ? [{ offset: 8, type: RelocationType.R_BPF_64_64, symbol: 1 }] : [],
  });
  return writeObject({
    flags: 0,
    sections: [
      section("kprobe/f", code, SectionFlag.Alloc | SectionFlag.Execinstr),
      section(".BTF", btf),
      section(".BTF.ext", extInfo),
      section("license", new TextEncoder().encode("GPL\0"), SectionFlag.Alloc),
    ],
    symbols: [
      {
        name: "f",
        value: 0,
        size: code.length,
        binding: "global",
        type: "func",
        visibility: "default",
        section: 0,
      },
      { name: "m", value: 0, size: 4, binding: "global", type: "object", visibility: "default", section: 3 },
    ],
  });
}

/** Does all that a reader of BTF might do. Each step may fail on its own. */
function useBtf(bytes: Uint8Array, ext: Uint8Array): void {
  const table = attempt(() => BtfTable.decode(bytes));
  if (table === undefined) return;
  for (let id = 0; id < table.typeCount; id++) {
    attempt(() => table.type(id));
    attempt(() => table.sizeOf(id));
    attempt(() => table.alignOf(id));
    attempt(() => findMember(table, id, "kind"));
    attempt(() => printC(table, [id]));
  }
  attempt(() => table.find("node"));
  attempt(() =>
    printC(
      table,
      Array.from({ length: table.typeCount }, (_, id) => id),
    ),
  );
  attempt(() => sliceTypes(table, { tokens: new Set(["node", "next", "ONE"]) }));
  attempt(() => decodeExtInfo(ext, table));
}

function useObject(bytes: Uint8Array): void {
  const file = attempt(() => readObject(bytes, "fuzz.o"));
  if (file === undefined) return;
  attempt(() => writeObject(file));
  const data = (name: string): Uint8Array =>
    file.sections.find((section) => section.name === name)?.data ?? new Uint8Array();
  attempt(() => printListing(decodeInstructions(data("kprobe/f")), { bytes: true }));
  useBtf(data(".BTF"), data(".BTF.ext"));
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof BpfkitError && error.code !== "IN001") return undefined;
    throw error;
  }
}

/** Runs a case and fails with what repeats it. */
function check(label: string, action: () => void): void {
  const start = performance.now();
  try {
    action();
  } catch (error) {
    throw new Error(`${label}: ${error instanceof Error ? error.stack : error}`, { cause: error });
  }
  assert.ok(performance.now() - start < 5000, `${label} took ${performance.now() - start} ms`);
}

test("the whole object is understood", () => {
  const file = readObject(object());
  const table = BtfTable.decode(file.sections[1]?.data ?? btf);
  assert.is(table.typeCount, types.length + 1);
  assert.ok(printC(table, [4]).includes("struct node {"));
  assert.is(decodeExtInfo(extInfo, table).coreRelocations.size, 1);
});

test("every truncation", () => {
  const bytes = object();
  for (let length = 0; length < bytes.length; length++)
    check(`cut at ${length}`, () => useObject(bytes.subarray(0, length)));
  for (let length = 0; length < btf.length; length++)
    check(`BTF cut at ${length}`, () => useBtf(btf.subarray(0, length), extInfo));
});

test("every byte at its extremes", () => {
  for (const [name, original] of [
    ["object", object()],
    ["BTF", btf],
  ] as const) {
    for (let at = 0; at < original.length; at++) {
      for (const value of [0x00, 0x7f, 0xff]) {
        const bytes = original.slice();
        bytes[at] = value;
        const label = `${name}: ${value} at ${at}`;
        check(label, () => (name === "object" ? useObject(bytes) : useBtf(bytes, extInfo)));
      }
    }
  }
});

test("random damage", () => {
  const next = generator(20_240_601);
  const original = object();
  for (let round = 0; round < 1000; round++) {
    const bytes = round % 2 === 0 ? original.slice() : btf.slice();
    for (let count = 1 + next(6); count > 0; count--) bytes[next(bytes.length)] = next(256);
    check(`round ${round}`, () => (round % 2 === 0 ? useObject(bytes) : useBtf(bytes, extInfo)));
  }
});

test("strings that all overlap", () => {
  // 60,000 types, each named by another end of one long string.
  const many = new BtfBuilder();
  many.string("x".repeat(60_000));
  for (let id = 1; id <= 60_000; id++) many.add({ kind: "typedef", name: "", type: id - 1 });
  const bytes = many.encode();
  const view = new DataView(bytes.buffer);
  for (let id = 0; id < 60_000; id++) view.setUint32(24 + id * 12, id + 1, true);
  check("overlapping strings", () => {
    const table = BtfTable.decode(bytes);
    for (let id = 1; id < table.typeCount; id++) attempt(() => table.nameOf(id));
    attempt(() => table.find("xxx"));
  });
});

test.run();
