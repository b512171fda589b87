/** Selection of inline assembly: constraints are read here, the template when registers are known. */
import type { CallInstruction } from "../ir/instruction.ts";
import type { InlineAssembly, Value } from "../ir/value.ts";
import type { AssemblyOperand } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import { integerValue } from "./constants.ts";
import { addressFor } from "./gep.ts";
import { Refusal } from "./refuse.ts";
import type { Selector } from "./selector.ts";
import { registerFor } from "./values.ts";

/** True for `asm` callees. */
export function isInlineAssembly(callee: Value): callee is InlineAssembly {
  return callee.kind === "asm";
}

/** One constraint of the list, `=&r`, `0`, `~{r1}`, `*m`. */
interface Constraint {
  readonly code: string;
  readonly isOutput: boolean;
  readonly isIndirect: boolean;
  readonly isClobber: boolean;
  readonly earlyClobber: boolean;
}

function parseConstraints(text: string): Constraint[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    const modifiers = /^[=+&*~%]*/.exec(part)?.[0] ?? "";
    return {
      code: part.slice(modifiers.length),
      isOutput: modifiers.includes("="),
      isIndirect: modifiers.includes("*"),
      isClobber: modifiers.includes("~"),
      earlyClobber: modifiers.includes("&"),
    };
  });
}

/** Selects a call of inline assembly. */
export function selectAssembly(s: Selector, insn: CallInstruction, asm: InlineAssembly): void {
  const constraints = parseConstraints(asm.constraints);
  const operands: AssemblyOperand[] = [];
  const clobbers: Register[] = [];
  const outputs: Register[] = [];
  let argument = 0;
  for (const constraint of constraints) {
    if (constraint.isClobber) {
      const register = /^\{[rw](\d)\}$/.exec(constraint.code);
      if (register !== null) clobbers.push(Number(register[1]));
    } else if (constraint.isOutput && !constraint.isIndirect) {
      const register = s.machine.newRegister();
      outputs.push(register);
      operands.push(operandOf(s, constraint, register, true));
    } else {
      const value = insn.args[argument++];
      if (value === undefined) throw s.refuse(Refusal.Assembly, "inline assembly lacks an operand");
      operands.push(inputOf(s, constraint, value));
    }
  }
  if (outputs.length === 1) s.define(insn, outputs[0]!);
  else if (outputs.length > 1) s.parts.set(insn, outputs);
  s.emit("assembly", { assembly: { template: asm.text, operands, clobbers, targets: [] } });
}

function operandOf(
  s: Selector,
  constraint: Constraint,
  register: Register,
  isOutput: boolean,
): AssemblyOperand {
  if (constraint.code !== "r" && constraint.code !== "w") {
    throw s.refuse(Refusal.Assembly, `inline assembly constraint "${constraint.code}" is not supported`);
  }
  return {
    register,
    isOutput,
    tiedTo: -1,
    text: undefined,
    narrow: constraint.code === "w",
    isMemory: false,
    slot: -1,
    offset: 0,
    earlyClobber: constraint.earlyClobber,
  };
}

function inputOf(s: Selector, constraint: Constraint, value: Value): AssemblyOperand {
  const plain = {
    isOutput: false,
    tiedTo: -1,
    text: undefined,
    narrow: false,
    isMemory: false,
    slot: -1,
    offset: 0,
    earlyClobber: false,
  };
  const tied = /^\d+$/.test(constraint.code);
  if (tied) return { ...plain, register: registerFor(s, value), tiedTo: Number(constraint.code) };
  if (constraint.isIndirect || constraint.code === "m") {
    const address = addressFor(s, value);
    const { register, slot, offset } = address;
    return { ...plain, register, isMemory: true, slot, offset };
  }
  const number = integerValue(value);
  if (constraint.code === "i" || constraint.code === "n" || constraint.code === "I") {
    if (number === undefined)
      throw s.refuse(Refusal.Assembly, 'an "i" operand of inline assembly is not constant');
    const bits = value.type.kind === "integer" ? value.type.bits : 64;
    return { ...plain, register: noRegister, text: `${BigInt.asIntN(bits, number)}` };
  }
  if (constraint.code === "ri" || constraint.code === "ir" || constraint.code === "rn") {
    if (number !== undefined) return { ...plain, register: noRegister, text: `${number}` };
    return { ...plain, register: registerFor(s, value) };
  }
  return operandOf(s, constraint, registerFor(s, value), false);
}
