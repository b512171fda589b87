/** Tests of joining functions: calls and callbacks must reach the same code as in the object. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { CollectionSpec } from "../spec/collection-spec.ts";
import { type LinkedProgram, linkProgram } from "./link-program.ts";

const object = compileNative(new URL("../testdata/collection.bpf.c", import.meta.url));

/** For each call or function address of a program: who uses whom. */
function uses(program: LinkedProgram): string[] {
  const ownerAt = (slot: number): string =>
    program.functions.findLast((part) => part.startSlot <= slot)?.function.name ?? "?";
  const startAt = (slot: number): string =>
    program.functions.find((part) => part.startSlot === slot)?.function.name ?? `slot ${slot}`;
  return program.instructions
    .filter(
      ({ instruction: { opcode, src } }) => (opcode === 0x85 && src === 1) || (opcode === 0x18 && src === 4),
    )
    .map(({ slot, instruction }) => `${ownerAt(slot)} -> ${startAt(slot + instruction.imm + 1)}`);
}

if (object !== undefined) {
  const spec = CollectionSpec.fromObject(object, "collection.bpf.o");
  const link = (name: string): LinkedProgram => {
    const program = spec.programs.get(name);
    if (program === undefined) throw new Error(name);
    return linkProgram(program);
  };

  test("functions are appended once, in order of use, with their own calls", () => {
    const first = link("first");
    assert.equal(
      first.functions.map((part) => part.function.name),
      ["first", "global_twice", "callback", "add_some"],
    );
    assert.equal(uses(first), ["first -> global_twice", "first -> callback", "global_twice -> add_some"]);
    assert.is(first.instructions.at(-1)?.slot, first.slots - 1);
  });

  test("programs that share a section take only their own code", () => {
    assert.equal(uses(link("second")), ["second -> add_some"]);
    assert.equal(uses(link("third")), []);
    const entry = spec.programs.get("third")?.entry;
    assert.is(link("third").slots, entry?.slots);
  });

  test("map and data references keep their targets", () => {
    const kinds = link("third").instructions.flatMap(({ reference }) =>
      reference === undefined ? [] : [`${reference.kind} ${"map" in reference ? reference.map : ""}`],
    );
    assert.equal(kinds, ["data .rodata", "map jumps"]);
  });

  test("linking one program twice gives the same stream: the spec is not used up", () => {
    const dump = (program: LinkedProgram): string =>
      JSON.stringify(program.instructions.map((x) => x.instruction));
    assert.is(dump(link("first")), dump(link("first")));
  });
}

test.run();
