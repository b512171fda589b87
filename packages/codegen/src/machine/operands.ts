/** Registers that machine instructions read and write, to be listed or renamed. */
import type { MachineInstruction } from "./machine-instruction.ts";
import type { Register } from "./register.ts";
import { noRegister } from "./register.ts";

/** Bits of r0 to r5: what a call destroys. */
export const callClobbers = 0b111111;

/** Calls `visit` with each register that is read by name, virtual or physical; implicit reads are in implicitUses. */
export function forEachUse(insn: MachineInstruction, visit: (register: Register) => void): void {
  if (insn.a !== noRegister) visit(insn.a);
  if (insn.b !== noRegister) visit(insn.b);
  if (insn.c !== noRegister) visit(insn.c);
  if (insn.assembly !== undefined) {
    for (const operand of insn.assembly.operands) {
      if (!operand.isOutput && operand.register !== noRegister) visit(operand.register);
    }
  }
}

/** Calls `visit` with each register that is written by name. */
export function forEachDefinition(insn: MachineInstruction, visit: (register: Register) => void): void {
  if (insn.dst !== noRegister) visit(insn.dst);
  if (insn.assembly !== undefined) {
    for (const operand of insn.assembly.operands) {
      if (operand.isOutput && operand.register !== noRegister) visit(operand.register);
    }
  }
}

/** Replaces the registers that are read. */
export function mapUses(insn: MachineInstruction, change: (register: Register) => Register): void {
  if (insn.a !== noRegister) insn.a = change(insn.a);
  if (insn.b !== noRegister) insn.b = change(insn.b);
  if (insn.c !== noRegister) insn.c = change(insn.c);
  if (insn.assembly !== undefined) {
    for (const operand of insn.assembly.operands) {
      if (!operand.isOutput && operand.register !== noRegister) operand.register = change(operand.register);
    }
  }
}

/** Replaces the registers that are written. */
export function mapDefinitions(insn: MachineInstruction, change: (register: Register) => Register): void {
  if (insn.dst !== noRegister) insn.dst = change(insn.dst);
  if (insn.assembly !== undefined) {
    for (const operand of insn.assembly.operands) {
      if (operand.isOutput && operand.register !== noRegister) operand.register = change(operand.register);
    }
  }
}

/** Physical registers read without being named, as bits: arguments of calls, the result of a return. */
export function implicitUses(insn: MachineInstruction): number {
  switch (insn.opcode) {
    case "call":
    case "return":
      return insn.argumentMask;
    case "compare-exchange":
      return 1;
    case "load-packet":
      return 1 << 6;
    default:
      return 0;
  }
}

/** Physical registers written or destroyed without being named, as bits. */
export function implicitDefinitions(insn: MachineInstruction): number {
  switch (insn.opcode) {
    case "call":
    case "load-packet":
      return callClobbers;
    case "compare-exchange":
      return 1;
    case "assembly": {
      let mask = 0;
      for (const register of insn.assembly?.clobbers ?? []) mask |= 1 << register;
      return mask;
    }
    default:
      return 0;
  }
}
