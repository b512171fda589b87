/** Thousands of random programs: the JIT must do what the interpreter does, to the last register, byte and fault. */
import { encodeInstructions } from "@bpfkit/elf/isa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Lab } from "../testdata/lab.ts";
import { CONTEXT_BYTES, randomProgram } from "../testdata/random-program.ts";
import { FRAME_STRIDE } from "./control-block.ts";
import { ProgramFault } from "./fault.ts";
import type { Engine } from "./program.ts";

/** Seeds are 1 .. this; set BPFKIT_SEEDS for a longer run. */
const SEEDS = Number(process.env["BPFKIT_SEEDS"] ?? 3000);

const lab = new Lab("jit");
const { memory } = lab.world;
// Nobody's memory on both sides of the context, so that reaching beyond it always ends the run.
memory.allocateOffset(4096, 8, "program");
const context = lab.context(new Uint8Array(CONTEXT_BYTES));
memory.allocateOffset(4096, 8, "program");
const firstFrame = memory.offsetOf(lab.load("r0 = r10\nexit").run(memory.addressOf(context)));

function outcome(bytes: Uint8Array, engine: Engine): string {
  // What dead frames still hold may decide what a wild program does, so all runs find them empty.
  memory.u8.fill(0, firstFrame - 512, firstFrame + 4 * FRAME_STRIDE);
  const program = lab.machine.loadProgram({
    name: "random",
    type: 2,
    instructions: bytes,
    license: "GPL",
    mapByFd: () => undefined,
    engine,
    rules: "isa",
    fuel: 300,
  });
  for (let i = 0; i < CONTEXT_BYTES; i++) memory.u8[context + i] = (i * 37) & 0xff;
  let result: string;
  try {
    result = `r0 ${program.run(memory.addressOf(context)).toString(16)}`;
  } catch (error) {
    if (!(error instanceof ProgramFault)) throw error;
    result = `${error.code} at ${error.slot}`;
  }
  return `${result} ${Buffer.from(memory.u8.subarray(context, context + CONTEXT_BYTES)).toString("hex")}`;
}

test(`${SEEDS} random programs`, () => {
  const seen = { ended: 0, outOfFuel: 0, faulted: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const bytes = encodeInstructions(randomProgram(seed));
    const expected = outcome(bytes, "interpreter");
    assert.is(outcome(bytes, "jit"), expected, `seed ${seed}`);
    if (expected.startsWith("r0")) seen.ended++;
    else if (expected.startsWith("VM011")) seen.outOfFuel++;
    else seen.faulted++;
  }
  // The generator is worth something only while all three endings are common.
  assert.ok(seen.ended > SEEDS / 3, `${seen.ended} programs ended`);
  assert.ok(seen.outOfFuel > SEEDS / 50, `${seen.outOfFuel} programs ran out of fuel`);
  assert.ok(seen.faulted > SEEDS / 50, `${seen.faulted} programs faulted`);
});

test.run();
