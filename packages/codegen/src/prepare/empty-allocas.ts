/**
 * Arrays of no elements on the stack. Their addresses are passed along with a length of 0, and the kernel still wants
 * them to lie in the stack: they take the address of another variable.
 */
import type { AllocaInstruction, Instruction, IrFunction, Value } from "../ir/index.ts";
import { i64, replaceValues, sizeOf } from "../ir/index.ts";
import { intrinsicName } from "./intrinsics.ts";

/** Merges variables without size into one that has some; makes one where the function has no other. */
export function replaceEmptyAllocas(fn: IrFunction): void {
  const entry = fn.blocks[0];
  if (entry === undefined) return;
  const empty = new Set<Value>();
  let host: AllocaInstruction | undefined;
  for (const instruction of entry.instructions) {
    if (instruction.opcode !== "alloca") continue;
    if (sizeOf(instruction.allocatedType) === 0) empty.add(instruction);
    else host ??= instruction;
  }
  if (empty.size === 0) return;
  const first = [...empty][0] as AllocaInstruction;
  const target: AllocaInstruction = host ?? { ...first, allocatedType: i64, align: 8 };
  for (const block of fn.blocks) {
    block.instructions = block.instructions.filter((each) => !empty.has(each) && !isLifetime(each, empty));
  }
  if (host === undefined) entry.instructions.unshift(target);
  replaceValues(fn, new Map([...empty].map((each) => [each, target])));
}

function isLifetime(instruction: Instruction, allocas: ReadonlySet<Value>): boolean {
  if (instruction.opcode !== "call" || instruction.callee.kind !== "function") return false;
  const name = intrinsicName(instruction.callee.name);
  if (name !== "lifetime.start" && name !== "lifetime.end") return false;
  return instruction.args.some((each) => allocas.has(each));
}
