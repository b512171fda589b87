/** Oracle: what clang-19 assembles at every -mcpu level must survive decode, print, assemble and encode unchanged. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import { readObject, SectionFlag } from "../object/index.ts";
import {
  assemble,
  classOf,
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  isaLevel,
  printInstruction,
  programLevel,
} from "./index.ts";

const source = join(import.meta.dirname, "testdata/forms.c");
const clang = requireTool("clang-19");

function compile(
  cpu: string,
  optimisation: string,
): { readonly bytes: Uint8Array; readonly code: Instruction[] }[] {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-isa-"));
  try {
    const output = join(folder, "forms.o");
    const flags = [
      "-target",
      "bpf",
      `-mcpu=${cpu}`,
      optimisation,
      "-Wno-everything",
      "-c",
      source,
      "-o",
      output,
    ];
    execFileSync(clang ?? "", flags);
    const sections = readObject(new Uint8Array(readFileSync(output))).sections;
    return sections
      .filter((section) => (section.flags & SectionFlag.Execinstr) !== 0)
      .map(({ data }) => ({ bytes: data, code: decodeInstructions(data) }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What tells instruction forms apart: operation and operands' kinds, not registers and numbers. */
function formOf(instruction: Instruction): string {
  const atomic = classOf(instruction.opcode) === 3 && instruction.opcode >= 0xc0 ? instruction.imm : "";
  const bits = (instruction.opcode & 0xf7) === 0xd4 || instruction.opcode === 0xd7 ? instruction.imm : "";
  const cast = classOf(instruction.opcode) % 3 === 1 ? instruction.off : "";
  return `${instruction.opcode} ${atomic} ${bits} ${(instruction.opcode & 0xf0) === 0xb0 ? cast : ""}`;
}

const forms = new Set<string>();

for (const cpu of ["v1", "v2", "v3", "v4"] as const) {
  test(`-mcpu=${cpu}`, () => {
    if (clang === undefined) return;
    for (const optimisation of ["-O2", "-O1"]) {
      const levels = new Set<string>();
      for (const { bytes, code } of compile(cpu, optimisation)) {
        assert.ok(code.length > 0);
        assert.equal(encodeInstructions(code), new Uint8Array(bytes));
        assert.ok(programLevel(code) <= cpu, `${programLevel(code)} code at -mcpu=${cpu}`);
        for (const instruction of code) {
          const text = printInstruction(instruction);
          assert.not.match(text, /^BUG/);
          assert.equal(assemble(text), [instruction], text);
          forms.add(formOf(instruction));
          levels.add(isaLevel(instruction));
        }
      }
      assert.ok(levels.has(cpu), `no ${cpu} code at -mcpu=${cpu}`);
    }
  });
}

test("that was several dozens of forms", () => {
  if (clang !== undefined) assert.ok(forms.size >= 80, `only ${forms.size}`);
});

test.run();
