/** Selection of inline assembly: constraints are read here, the template when registers are known. */
import type { CallBranchInstruction, CallInstruction, CallLike } from "../ir/instruction.ts";
import type { InlineAssembly, Value } from "../ir/value.ts";
import type { MachineBlock } from "../machine/machine-function.ts";
import type { Assembly, AssemblyOperand } from "../machine/machine-instruction.ts";
import { labelText } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import { rootOf, symbolOf } from "./address.ts";
import { integerValue } from "./constants.ts";
import type { Constraint } from "./constraints.ts";
import { allows, fixedRegister, parseConstraints } from "./constraints.ts";
import { addressFor } from "./gep.ts";
import { Refusal } from "./refuse.ts";
import type { Selector } from "./selector.ts";
import { registerFor } from "./values.ts";

/** True for `asm` callees. */
export function isInlineAssembly(callee: Value): callee is InlineAssembly {
  return callee.kind === "asm";
}

/** Selects a call of inline assembly. */
export function selectAssembly(s: Selector, insn: CallInstruction, asm: InlineAssembly): void {
  const { assembly, outputs } = operandsOf(s, insn, asm);
  s.emit("assembly", { assembly });
  moveOutputs(s, outputs);
  defineOutputs(s, insn, outputs);
}

/**
 * Selects `asm goto`. Each way out gets a block of its own, so that what has to happen on one way only (copies for
 * phis, outputs that go to the stack) has a place.
 */
export function selectCallBranch(
  s: Selector,
  insn: CallBranchInstruction,
  entryOf: (target: CallBranchInstruction["fallthrough"]) => MachineBlock,
): void {
  if (!isInlineAssembly(insn.callee))
    throw s.refuse(Refusal.Unsupported, 'a "callbr" of something else than assembly');
  const { assembly, outputs } = operandsOf(s, insn, insn.callee);
  const ways = [insn.fallthrough, ...insn.indirect];
  const landings = ways.map(() => s.machine.newBlock());
  assembly.targets.push(...landings.slice(1));
  s.emit("assembly", { assembly });
  s.emit("goto", { target: landings[0]! });
  defineOutputs(s, insn, outputs);
  if (outputs.some((each) => each.fixed !== undefined))
    throw s.refuse(
      Refusal.Assembly,
      "an output of asm goto in a register of the user's choice is not supported",
    );
  for (const [index, landing] of landings.entries()) {
    s.startBlock(landing);
    s.emit("goto", { target: entryOf(ways[index]!) });
  }
}

/** The register that an output is wanted in afterwards, and where the assembly puts it if that is the user's choice. */
interface Output {
  readonly register: Register;
  readonly fixed: Register | undefined;
}

function operandsOf(
  s: Selector,
  insn: CallLike,
  asm: InlineAssembly,
): { readonly assembly: Assembly; readonly outputs: readonly Output[] } {
  const operands: AssemblyOperand[] = [];
  const clobbers: Register[] = [];
  const outputs: Output[] = [];
  let argument = 0;
  let label = 0;
  for (const constraint of parseConstraints(s, asm.constraints)) {
    if (constraint.isClobber) {
      const register = fixedRegister(constraint.code);
      if (register !== undefined) clobbers.push(register);
    } else if (constraint.isLabel) {
      operands.push({ ...plain, register: noRegister, text: labelText(label++) });
    } else if (constraint.isOutput && !constraint.isIndirect) {
      const register = s.machine.newRegister();
      const fixed = fixedRegister(constraint.code);
      outputs.push({ register, fixed });
      operands.push(outputOf(s, constraint, fixed ?? register));
    } else {
      const value = insn.args[argument++];
      if (value === undefined) throw s.refuse(Refusal.Assembly, "inline assembly lacks an operand");
      operands.push(inputOf(s, constraint, value));
    }
  }
  return {
    assembly: { template: asm.text, operands: moveFixed(s, operands), clobbers, targets: [] },
    outputs,
  };
}

const plain = {
  isOutput: false,
  tiedTo: -1,
  text: undefined,
  narrow: false,
  isMemory: false,
  slot: -1,
  offset: 0,
  earlyClobber: false,
} as const;

function outputOf(s: Selector, constraint: Constraint, register: Register): AssemblyOperand {
  if (!allows(constraint, "register")) throw unknown(s, constraint);
  const narrow = constraint.code.includes("w");
  return { ...plain, register, isOutput: true, narrow, earlyClobber: constraint.earlyClobber };
}

/** An input that the user put into a register is copied there last, so that nothing comes in between. */
interface FixedInput extends AssemblyOperand {
  readonly from: Register;
}

function moveFixed(s: Selector, operands: readonly (AssemblyOperand | FixedInput)[]): AssemblyOperand[] {
  return operands.map((operand) => {
    if (!("from" in operand)) return operand;
    const { from, ...rest } = operand;
    s.emit("copy", { dst: rest.register, a: from });
    return rest;
  });
}

function inputOf(s: Selector, constraint: Constraint, value: Value): AssemblyOperand | FixedInput {
  const tied = /^\d+$/.test(constraint.code);
  if (tied) return { ...plain, register: registerFor(s, value), tiedTo: Number(constraint.code) };
  if (constraint.isIndirect) {
    const { register, slot, offset } = addressFor(s, value);
    return { ...plain, register, isMemory: true, slot, offset };
  }
  const fixed = fixedRegister(constraint.code);
  if (fixed !== undefined) {
    const input: FixedInput = { ...plain, register: fixed, from: registerFor(s, value) };
    return input;
  }
  const text = allows(constraint, "immediate") ? constantText(value) : undefined;
  if (text !== undefined) return { ...plain, register: noRegister, text };
  if (allows(constraint, "register")) {
    return { ...plain, register: registerFor(s, value), narrow: constraint.code.includes("w") };
  }
  if (allows(constraint, "memory")) {
    const { register, slot, offset } = addressFor(s, value);
    return { ...plain, register, isMemory: true, slot, offset };
  }
  if (!allows(constraint, "immediate")) throw unknown(s, constraint);
  throw s.refuse(
    Refusal.Assembly,
    `an "${constraint.code}" operand of inline assembly is not constant`,
    'Use "r" for a value that is known at run time only.',
  );
}

/** A number, or a symbol with a number added. */
function constantText(value: Value): string | undefined {
  const number = integerValue(value);
  if (number !== undefined) {
    const bits = value.type.kind === "integer" ? value.type.bits : 64;
    return `${bits === 1 ? number : BigInt.asIntN(bits, number)}`;
  }
  const { root, offset } = rootOf(value);
  const symbol = symbolOf(root);
  if (symbol === undefined) return undefined;
  return offset === 0 ? symbol : `${symbol}${offset < 0 ? "-" : "+"}${Math.abs(offset)}`;
}

function unknown(s: Selector, constraint: Constraint): Error {
  return s.refuse(
    Refusal.Assembly,
    `inline assembly constraint "${constraint.code}" is not supported`,
    'BPF has "r", "w", "m" and "i".',
  );
}

/** Outputs in registers of the user's choice are free again at once. */
function moveOutputs(s: Selector, outputs: readonly Output[]): void {
  for (const { register, fixed } of outputs) {
    if (fixed !== undefined) s.emit("copy", { dst: register, a: fixed });
  }
}

function defineOutputs(s: Selector, insn: CallLike, outputs: readonly Output[]): void {
  const registers = outputs.map((each) => each.register);
  if (insn.type.kind === "struct") s.parts.set(insn as Value, registers);
  else if (registers[0] !== undefined) s.define(insn as Value, registers[0]);
}
