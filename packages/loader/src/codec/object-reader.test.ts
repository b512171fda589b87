/** Tests of reading structs as object literals: the same as member by member, whatever the members are called. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { literalReader, loopingReader, type MemberReader, objectReader } from "./object-reader.ts";
import { integerReader } from "./scalar.ts";

const bytes = Uint8Array.from({ length: 64 }, (_, index) => index * 7);
const view = new DataView(bytes.buffer);

const names = [
  "pid",
  "class",
  "__proto",
  "constructor",
  'a"b',
  "a\\",
  "a\nb",
  "\u2028\u2029",
  `$\{x}`,
  "`",
  "*/ }); throw 1; //",
  "",
];

test("both readers give the same objects, with members of any names", () => {
  const members: MemberReader[] = names.map((name, index) => ({
    name,
    at: index,
    read: integerReader(2 ** (index % 4), index % 2 === 0),
  }));
  const literal = literalReader(members)(view, 5);
  assert.equal(literal, loopingReader(members)(view, 5));
  assert.equal(Object.keys(literal), names);
  assert.is((literal as Record<string, unknown>)["class"], view.getUint16(6, true));
  assert.equal(literalReader([])(view, 0), {});
});

test("where code must not be made from text, members are read one by one", () => {
  const members: MemberReader[] = [{ name: "pid", at: 4, read: integerReader(4, false) }];
  const { Function: original } = globalThis;
  try {
    globalThis.Function = class {
      constructor() {
        throw new EvalError("Refused to evaluate a string as JavaScript");
      }
    } as unknown as FunctionConstructor;
    assert.throws(() => literalReader(members), EvalError);
    assert.equal(objectReader(members)(view, 0), { pid: view.getUint32(4, true) });
  } finally {
    globalThis.Function = original;
  }
});

test("structs with very many members are read one by one", () => {
  const members = Array.from({ length: 1000 }, (_, index) => ({
    name: `m${index}`,
    at: index % 60,
    read: integerReader(1, false),
  }));
  assert.equal(objectReader(members)(view, 0), literalReader(members)(view, 0));
});

test.run();
