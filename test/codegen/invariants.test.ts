/** What passes of the code generator must leave behind holds after each of them, on random programs and on every level. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseIr, verifyModule } from "@bpfkit/codegen/ir";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileFunction } from "../../packages/codegen/src/emit/compile-function.ts";
import type { MachineFunction } from "../../packages/codegen/src/machine/machine-function.ts";
import { instruction } from "../../packages/codegen/src/machine/machine-instruction.ts";
import { type MachineStage, machineProblems } from "../../packages/codegen/src/machine/verify.ts";
import { prepareModule } from "../../packages/codegen/src/prepare/index.ts";
import { requireTool } from "../support/native-tools.ts";
import { randomProgram } from "./random-program.ts";

/** The passes from which on code has physical registers, and the last one. */
const afterAllocation = new Set(["allocate", "clean-up", "frame", "simplify", "merge-tails"]);

function stageOf(pass: string): MachineStage {
  if (pass === "finish") return "settled";
  return afterAllocation.has(pass) ? "allocated" : "ssa";
}

/** Compiles all functions of a module at a level; problems after any pass. Functions and passes are counted. */
function problemsOf(ir: string, cpu: "v1" | "v2" | "v3" | "v4"): { problems: string[]; passes: number } {
  const module = parseIr(ir, "test.c");
  verifyModule(module);
  prepareModule(module);
  // Preparation leaves valid IR behind.
  verifyModule(module);
  const problems: string[] = [];
  let passes = 0;
  for (const fn of module.functions) {
    if (fn.blocks.length === 0) continue;
    compileFunction(module, fn, cpu, (pass, machine) => {
      passes += 1;
      for (const problem of machineProblems(machine, stageOf(pass))) problems.push(`${pass}: ${problem}`);
    });
  }
  return { problems, passes };
}

const clang = requireTool("clang-19");
if (clang !== undefined) {
  const irOf = (text: string, ...options: readonly string[]): string =>
    execFileSync(
      clang,
      ["-target", "bpf", "-g", "-w", ...options, "-S", "-emit-llvm", "-x", "c", "-o", "-", "-"],
      {
        input: text,
        encoding: "utf8",
        maxBuffer: 64 << 20,
      },
    );
  const testdata = join(import.meta.dirname, "../../packages/codegen/testdata");
  const scalar = ["-fno-vectorize", "-fno-slp-vectorize"];
  const texts: readonly (readonly [
    name: string,
    ir: string,
    levels: readonly ("v1" | "v2" | "v3" | "v4")[],
  ])[] = [
    ...[1, 2, 3].map((seed) => {
      const text = randomProgram({
        seed: seed * 77,
        programs: 8,
        atomics: seed > 1,
        signedDivision: seed > 2,
      });
      const levels = (["v1", "v2", "v3", "v4"] as const).slice([0, 0, 2, 3][seed]);
      const name = `random programs ${seed}`;
      return [
        name,
        irOf(text, ["-O0", "-O1", "-O2", "-Os"][seed] as string, "-mcpu=v4", ...scalar),
        levels,
      ] as const;
    }),
    [
      "arithmetic.c",
      irOf(readFileSync(join(testdata, "arithmetic.c"), "utf8"), "-O2", ...scalar),
      ["v2", "v3", "v4"],
    ],
  ];
  for (const [name, ir, levels] of texts) {
    for (const cpu of levels) {
      test(`invariants hold after every pass over ${name}, -mcpu=${cpu}`, () => {
        const { problems, passes } = problemsOf(ir, cpu);
        assert.equal(problems.slice(0, 5), []);
        assert.ok(passes > 100, `${passes} passes`);
      });
    }
  }
}

/** A function of two blocks, changed by the case. */
function broken(stage: MachineStage, change: (fn: MachineFunction) => void): string {
  const module = parseIr("define i64 @f(i64 %a) {\n  %b = add i64 %a, 1\n  ret i64 %b\n}\n", "test.c");
  const [source] = module.functions;
  assert.ok(source);
  let problems: string[] = [];
  compileFunction(module, source, "v3", (pass, fn) => {
    if (pass !== (stage === "ssa" ? "select" : stage === "allocated" ? "allocate" : "finish")) return;
    assert.equal(machineProblems(fn, stage), []);
    const saved = fn.blocks.map((block) => [...block.instructions]);
    change(fn);
    problems = machineProblems(fn, stage);
    for (const [index, block] of fn.blocks.entries()) block.instructions = saved[index] ?? [];
  });
  return problems.join("\n");
}

test("broken code is noticed", () => {
  const first = (fn: MachineFunction) => fn.blocks[0]!.instructions;
  assert.match(
    broken("ssa", (fn) => first(fn).pop()),
    /the block has no end/,
  );
  assert.match(
    broken("ssa", (fn) =>
      first(fn).unshift(instruction("move", { dst: 16 }), instruction("move", { dst: 16 })),
    ),
    /written twice/,
  );
  assert.match(
    broken("ssa", (fn) => first(fn).unshift(instruction("copy", { dst: 99, a: first(fn)[0]!.dst }))),
    /read before it is written/,
  );
  assert.match(
    broken("allocated", (fn) => first(fn).unshift(instruction("copy", { dst: 0, a: 7 }))),
    /r7 is read before/,
  );
  assert.match(
    broken("allocated", (fn) => first(fn).unshift(instruction("copy", { dst: 16, a: 1 }))),
    /no register/,
  );
  assert.match(
    broken("settled", (fn) => first(fn).unshift(instruction("sign-extend", { dst: 1, a: 1 }))),
    /comes with v4/,
  );
});

test.run();
