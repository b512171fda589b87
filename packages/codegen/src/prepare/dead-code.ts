/** Removes instructions whose results nobody uses and that have no other effect. */
import type { Instruction, IrFunction, Value } from "../ir/index.ts";
import { isTerminator, operandsOf } from "../ir/index.ts";
import { intrinsicName } from "./intrinsics.ts";

/** Intrinsics that only compute. */
const pureIntrinsics = new Set([
  "bpf.passthrough",
  "umin",
  "umax",
  "smin",
  "smax",
  "abs",
  "bswap",
  "ctpop",
  "ctlz",
  "cttz",
  "fshl",
  "fshr",
]);

/** True where the instruction does something besides computing its result. */
function hasEffect(instruction: Instruction): boolean {
  switch (instruction.opcode) {
    case "store":
    case "atomicrmw":
    case "cmpxchg":
    case "fence":
    case "callbr":
    case "unsupported":
      return true;
    case "load":
      return instruction.volatile || instruction.ordering !== "notatomic";
    case "call": {
      if (instruction.callee.kind !== "function") return true;
      const name = intrinsicName(instruction.callee.name);
      return name === undefined || !pureIntrinsics.has(name);
    }
    default:
      return isTerminator(instruction);
  }
}

/** Keeps what has an effect and what that needs, cycles of phis included. */
export function removeDeadCode(fn: IrFunction): void {
  const alive = new Set<Value>();
  const pending: Instruction[] = [];
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      if (!hasEffect(instruction)) continue;
      alive.add(instruction);
      pending.push(instruction);
    }
  }
  for (let instruction = pending.pop(); instruction !== undefined; instruction = pending.pop()) {
    for (const operand of operandsOf(instruction)) {
      if (operand.kind !== "instruction" || alive.has(operand)) continue;
      alive.add(operand);
      pending.push(operand);
    }
  }
  for (const block of fn.blocks) {
    if (block.instructions.every((each) => alive.has(each))) continue;
    block.instructions = block.instructions.filter((each) => alive.has(each));
  }
}
