/** Selection of binary arithmetic. */
import type { BinaryInstruction } from "../ir/instruction.ts";
import type { AluOperation } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import { integerValue } from "./constants.ts";
import { Refusal } from "./refuse.ts";
import type { Operand, Selector } from "./selector.ts";
import type { Extension } from "./values.ts";
import { extendedOperand, extendedRegister, operandFor, registerFor } from "./values.ts";

/** What an opcode becomes, and what it wants above the width of its operands ("any" does not care). */
interface Row {
  readonly operation: AluOperation;
  readonly left: Extension | "any";
  readonly right: Extension | "any";
}

const rows: Partial<Record<BinaryInstruction["opcode"], Row>> = {
  add: { operation: "add", left: "any", right: "any" },
  sub: { operation: "sub", left: "any", right: "any" },
  mul: { operation: "mul", left: "any", right: "any" },
  and: { operation: "and", left: "any", right: "any" },
  or: { operation: "or", left: "any", right: "any" },
  xor: { operation: "xor", left: "any", right: "any" },
  shl: { operation: "shl", left: "any", right: "zero" },
  lshr: { operation: "lshr", left: "zero", right: "zero" },
  ashr: { operation: "ashr", left: "sign", right: "zero" },
  udiv: { operation: "udiv", left: "zero", right: "zero" },
  urem: { operation: "umod", left: "zero", right: "zero" },
  sdiv: { operation: "sdiv", left: "sign", right: "sign" },
  srem: { operation: "smod", left: "sign", right: "sign" },
};

/** Selects `add`, `sub` and the other binary operations. */
export function selectBinary(s: Selector, insn: BinaryInstruction): void {
  const row = rows[insn.opcode];
  if (row === undefined) {
    throw s.refuse(Refusal.FloatingPoint, "BPF has no floating point", "Use integers or fixed point.");
  }
  const bits = s.bitsOf(insn.type);
  const width = s.classOf(bits);
  if ((insn.opcode === "sdiv" || insn.opcode === "srem") && !s.features.v4) {
    throw s.refuse(
      Refusal.SignedDivision,
      "signed division and remainder need -mcpu=v4",
      "Divide unsigned values, or build for v4 (Linux 6.6 or newer).",
    );
  }
  const mask = insn.opcode === "and" && width === 64 ? wideMask(s, insn) : undefined;
  if (mask !== undefined) {
    s.define(insn, mask);
    return;
  }
  const negated = insn.opcode === "sub" && integerValue(insn.lhs) === 0n;
  if (negated) {
    const dst = s.machine.newRegister(width);
    s.emit("negate", { dst, a: registerFor(s, insn.rhs), width });
    s.define(insn, dst);
    return;
  }
  const left = leftRegister(s, insn, row, width);
  const right = rightOperand(s, insn, row, width);
  s.define(insn, s.alu(row.operation, width, left, right));
}

function leftRegister(s: Selector, insn: BinaryInstruction, row: Row, width: 32 | 64): Register {
  return row.left === "any" ? registerFor(s, insn.lhs) : extendedRegister(s, insn.lhs, width, row.left);
}

function rightOperand(s: Selector, insn: BinaryInstruction, row: Row, width: 32 | 64): Operand {
  return row.right === "any"
    ? operandFor(s, insn.rhs, width)
    : extendedOperand(s, insn.rhs, width, row.right);
}

/** `and` of 64 bits with a mask of the lower half that is no signed immediate: 32-bit operations clear the rest. */
function wideMask(s: Selector, insn: BinaryInstruction): Register | undefined {
  const mask = integerValue(insn.rhs);
  if (mask === undefined || mask < 0x8000_0000n || mask > 0xffff_ffffn) return undefined;
  const source = registerFor(s, insn.lhs);
  if (s.features.alu32) {
    if (mask !== 0xffff_ffffn) {
      return s.alu("and", 32, source, { register: noRegister, imm: Number(BigInt.asIntN(32, mask)) });
    }
    if ((s.machine.significantBits[source] ?? 64) <= 32) return source;
    const dst = s.machine.newRegister(32);
    s.emit("zero-extend", { dst, a: source, width: 32 });
    return dst;
  }
  if (mask !== 0xffff_ffffn) return undefined;
  const dst = s.aluImmediate("lshr", 64, s.aluImmediate("shl", 64, source, 32), 32);
  s.machine.significantBits[dst] = 32;
  return dst;
}
