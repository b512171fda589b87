/** A whole program as text: source lines, labels, slot numbers, bytes and instructions. */
import { encodeInstructions } from "./encode.ts";
import { type Instruction, slotCount } from "./instruction.ts";
import { Class, JumpOp, loadImm64Opcode, PseudoCall, PseudoLoad } from "./opcode.ts";
import { printInstruction } from "./print.ts";

/** How to print a program. */
export interface ListingOptions {
  /** Show the encoded bytes; off unless told. */
  readonly bytes?: boolean;
  /** Show C lines from the instructions' meta data; on unless told. */
  readonly sources?: boolean;
  /** Names by slot: functions of the program. Jump targets without a name get `L1`, `L2` ... */
  readonly labels?: ReadonlyMap<number, string>;
}

/**
 * For example, with a jump and its target:
 *
 * ```text
 *      ; if (!start) @ biolatency.bpf.c:40
 *   3: if r0 == 0x0 goto pc+1 <L1>
 *   4: r1 = 0
 *    L1:
 *   5: exit
 * ```
 */
export function printListing(instructions: readonly Instruction[], options: ListingOptions = {}): string {
  const labels = labelsOf(instructions, options.labels ?? new Map());
  const lines: string[] = [];
  let slot = 0;
  let source = "";
  for (const instruction of instructions) {
    const label = labels.get(slot);
    if (label !== undefined) lines.push(options.labels?.has(slot) === true ? `${label}:` : `   ${label}:`);
    const text = sourceOf(instruction);
    if (options.sources !== false && text !== "" && text !== source) lines.push(`     ; ${text}`);
    if (text !== "") source = text;
    const bytes = options.bytes === true ? `${hex(instruction)}  ` : "";
    const target = targetOf(instruction, slot);
    const place = target === undefined ? undefined : labels.get(target);
    const note = place === undefined ? "" : ` <${place}>`;
    lines.push(`${String(slot).padStart(4)}: ${bytes}${printInstruction(instruction)}${note}`);
    slot += slotCount(instruction);
  }
  return lines.join("\n");
}

/** The slot that a jump, local call or function address leads to; undefined for all other instructions. */
export function targetOf(instruction: Instruction, slot: number): number | undefined {
  const { opcode, src, off, imm } = instruction;
  if (opcode === loadImm64Opcode) return src === PseudoLoad.Function ? slot + imm + 1 : undefined;
  const family = opcode & 0x07;
  if (family !== Class.Jmp && family !== Class.Jmp32) return undefined;
  const operation = opcode & 0xf0;
  if (operation === JumpOp.Exit) return undefined;
  if (operation === JumpOp.Call) return src === PseudoCall.Local && imm !== -1 ? slot + imm + 1 : undefined;
  if (operation === JumpOp.Ja && family === Class.Jmp32) return slot + imm + 1;
  return slot + off + 1;
}

function labelsOf(
  instructions: readonly Instruction[],
  named: ReadonlyMap<number, string>,
): Map<number, string> {
  const starts = new Set<number>();
  const targets = new Set<number>();
  let slot = 0;
  for (const instruction of instructions) {
    starts.add(slot);
    const target = targetOf(instruction, slot);
    if (target !== undefined) targets.add(target);
    slot += slotCount(instruction);
  }
  const labels = new Map(named);
  let next = 1;
  for (const target of [...targets].sort((a, b) => a - b)) {
    if (starts.has(target) && !labels.has(target)) labels.set(target, `L${next++}`);
  }
  return labels;
}

function sourceOf(instruction: Instruction): string {
  const meta = instruction.meta;
  if (meta?.sourceLine === undefined && meta?.line === undefined) return "";
  const place =
    meta.file === undefined || meta.line === undefined ? "" : ` @ ${baseName(meta.file)}:${meta.line}`;
  return `${meta.sourceLine?.trim() ?? ""}${place}`.trim();
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}

/** Sixteen bytes wide, so that instructions of both lengths line up. */
function hex(instruction: Instruction): string {
  const pairs = [...encodeInstructions([instruction])].map((byte) => byte.toString(16).padStart(2, "0"));
  return pairs.join(" ").padEnd(16 * 3 - 1);
}
