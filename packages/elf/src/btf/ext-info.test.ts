/** Tests of .BTF.ext against clang's objects. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BtfBuilder, BtfTable, decodeExtInfo, type ExtInfo, encodeExtInfo } from "./index.ts";

const info: ExtInfo = {
  funcs: new Map([
    ["kprobe/a", [{ insnOffset: 0, typeId: 3 }]],
    [
      ".text",
      [
        { insnOffset: 0, typeId: 4 },
        { insnOffset: 64, typeId: 5 },
      ],
    ],
  ]),
  lines: new Map([
    [
      "kprobe/a",
      [{ insnOffset: 8, file: "/src/a.c", text: "  return 0; // größer", line: 4_000_000, column: 1023 }],
    ],
  ]),
  coreRelocations: new Map([["kprobe/a", [{ insnOffset: 16, typeId: 7, access: "0:1:2", kind: 0 }]]]),
};

function encoded(value: ExtInfo): { readonly bytes: Uint8Array; readonly table: BtfTable } {
  const builder = new BtfBuilder();
  const bytes = encodeExtInfo(value, builder);
  return { bytes, table: BtfTable.decode(builder.encode()) };
}

test("records come back as they went in", () => {
  const { bytes, table } = encoded(info);
  assert.equal(decodeExtInfo(bytes, table), info);
});

test("nothing is a header alone", () => {
  const none: ExtInfo = { funcs: new Map(), lines: new Map(), coreRelocations: new Map() };
  const { bytes, table } = encoded(none);
  assert.is(bytes.length, 32);
  assert.equal(decodeExtInfo(bytes, table), none);
});

test("columns and lines that do not fit are cut, not wrapped into each other", () => {
  const line = { insnOffset: 0, file: "a", text: "", line: 5_000_000, column: 2000 };
  const { bytes, table } = encoded({ ...info, lines: new Map([["s", [line]]]) });
  assert.equal(decodeExtInfo(bytes, table).lines.get("s"), [{ ...line, line: 4_194_303, column: 0 }]);
});

test("longer records of newer files are read by their beginning", () => {
  const { bytes, table } = encoded({ ...info, lines: new Map(), coreRelocations: new Map() });
  // Two sections with 1 and 2 records of 8 bytes: give every record four more.
  const view = new DataView(bytes.buffer);
  const words = Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4, true));
  const body = words.slice(8);
  const wider = [
    12,
    ...body.slice(1, 3),
    ...body.slice(3, 5),
    99,
    ...body.slice(5, 7),
    ...body.slice(7, 9),
    99,
    ...body.slice(9, 11),
    99,
  ];
  words.splice(8, body.length, ...wider);
  words[3] = wider.length * 4;
  words[4] = words[6] = wider.length * 4;
  const out = new Uint8Array(words.length * 4);
  const outView = new DataView(out.buffer);
  for (const [index, word] of words.entries()) outView.setUint32(index * 4, word, true);
  assert.equal(decodeExtInfo(out, table).funcs, info.funcs);
});

test("counts and offsets that lie are refused", () => {
  const { bytes, table } = encoded(info);
  const wrong: readonly (readonly [number, number, string])[] = [
    [12, 0x7fff_fff0, "EL103"],
    [32, 4, "EL111"],
    [40, 0xffff_ffff, "EL111"],
    [36, 0x00ff_ffff, "EL105"],
    [4, 1 << 20, "EL103"],
  ];
  for (const [at, value, expected] of wrong) {
    const copy = bytes.slice();
    new DataView(copy.buffer).setUint32(at, value, true);
    assert.throws(
      () => decodeExtInfo(copy, table),
      (error: unknown) => error instanceof BpfkitError && error.code === expected,
      `${value} at ${at}`,
    );
  }
});

test.run();
