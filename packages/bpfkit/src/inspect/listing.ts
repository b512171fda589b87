/** Programs as text: C lines, BPF instructions and their bytes. */

import { describeObject } from "./describe.ts";
import type { InstructionDescription, ProgramDescription } from "./description.ts";

const bytesWidth = 8 * 3 - 1;

/** The lines of one instruction: the C line before it where one begins, a 16-byte one in two rows. */
function instructionLines(instruction: InstructionDescription): string[] {
  const lines: string[] = [];
  const { source, reference, core, bytes, text, slot } = instruction;
  if (source !== undefined) lines.push(`; ${source.text.trim()} @ ${source.file}:${source.line}`);
  const notes = [reference, core === undefined ? undefined : `CO-RE ${core}`].filter(
    (note) => note !== undefined,
  );
  const note = notes.length === 0 ? "" : `  <${notes.join(", ")}>`;
  lines.push(`${String(slot).padStart(6)}: ${bytes.slice(0, bytesWidth).padEnd(bytesWidth)}  ${text}${note}`);
  if (bytes.length > bytesWidth) lines.push(`${" ".repeat(8)}${bytes.slice(bytesWidth + 1)}`);
  return lines;
}

/** A program's heading and instructions. */
export function programLines(program: ProgramDescription): string[] {
  const attach = program.attachTo === undefined ? "" : ` attach ${program.attachTo}`;
  const heading = `${program.name}: section ${program.section} type ${program.type}${attach} (${program.slots} slots)`;
  return [heading, ...program.instructions.flatMap(instructionLines)];
}

/** Every program of an object, with a newline at the end. */
export function listing(object: Uint8Array, file = "object"): string {
  const { programs } = describeObject(object, file);
  return `${programs.map((program) => programLines(program).join("\n")).join("\n\n")}\n`;
}
