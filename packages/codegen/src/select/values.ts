/** Operands of IR as registers or immediates. */
import type { ConstantExpression, Value } from "../ir/value.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import { addressRegister, constantGepOffset, moveAddress, rootOf, symbolOf } from "./address.ts";
import { fitsSigned32 } from "./bits.ts";
import { integerValue } from "./constants.ts";
import { signExtend, zeroExtend } from "./extend.ts";
import { Refusal } from "./refuse.ts";
import type { Operand, Selector } from "./selector.ts";

/** A register whose low bits hold the value; what is above the width of its type is undefined. */
export function registerFor(s: Selector, value: Value): Register {
  const number = integerValue(value);
  if (number !== undefined) return s.constant(number);
  switch (value.kind) {
    case "instruction":
    case "parameter":
      return s.slots.has(value) ? addressRegister(s, value) : s.registerOf(value);
    case "global":
    case "function":
    case "alias":
    case "expression":
      return constantAddress(s, value);
    case "float":
      throw s.refuse(Refusal.FloatingPoint, "BPF has no floating point", "Use integers or fixed point.");
    default:
      throw s.refuse(Refusal.Unsupported, `an operand of kind "${value.kind}" is not supported here`);
  }
}

/** A register of its own with the address of a frame slot or a global, and constant bytes after it. */
export function addressForPhi(s: Selector, value: Value): Register {
  const dst = s.machine.newRegister();
  if (moveAddress(s, dst, value)) return dst;
  const { root, offset } = rootOf(value);
  s.emit("address", { dst, symbol: symbolOf(root)! });
  return offset === 0 ? dst : s.aluImmediate("add", 64, dst, offset);
}

/** The value as right operand of an operation of this width: an immediate where one fits. Upper bits undefined. */
export function operandFor(s: Selector, value: Value, width: 32 | 64): Operand {
  const number = integerValue(value);
  if (number === undefined) return { register: registerFor(s, value), imm: 0 };
  return constantOperand(s, signedIn(value, number), width);
}

/** A number as right operand: an immediate where it fits, else a register. */
export function constantOperand(s: Selector, signed: bigint, width: 32 | 64): Operand {
  if (width === 32) return { register: noRegister, imm: Number(BigInt.asIntN(32, signed)) };
  if (fitsSigned32(signed)) return { register: noRegister, imm: Number(signed) };
  return { register: s.constant(BigInt.asUintN(64, signed)), imm: 0 };
}

function signedIn(value: Value, number: bigint): bigint {
  return BigInt.asIntN(value.kind === "int" ? value.type.bits : 64, number);
}

/** How the bits above an operand's type are to be filled. */
export type Extension = "zero" | "sign";

/** A register with the value extended to `width` bits. */
export function extendedRegister(s: Selector, value: Value, width: 32 | 64, how: Extension): Register {
  const bits = s.bitsOf(value.type);
  const number = integerValue(value);
  if (number !== undefined) return s.constant(extendedContent(number, bits, width, how));
  const register = registerFor(s, value);
  return how === "zero" ? zeroExtend(s, register, bits, width) : signExtend(s, register, bits, width);
}

/** The value extended to `width` bits as right operand. */
export function extendedOperand(s: Selector, value: Value, width: 32 | 64, how: Extension): Operand {
  const number = integerValue(value);
  if (number === undefined) return { register: extendedRegister(s, value, width, how), imm: 0 };
  const content = extendedContent(number, s.bitsOf(value.type), width, how);
  return constantOperand(s, BigInt.asIntN(width, content), width);
}

function extendedContent(number: bigint, bits: number, width: 32 | 64, how: Extension): bigint {
  const content = how === "zero" ? number : BigInt.asIntN(bits, number);
  return BigInt.asUintN(width, content);
}

/** A register holding a constant address: a global, or a constant gep on one. */
function constantAddress(s: Selector, value: Value): Register {
  const { root, offset } = rootOf(value);
  const symbol = symbolOf(root);
  if (symbol === undefined) {
    const number = integerValue(root);
    if (number !== undefined) return s.constant(BigInt.asUintN(64, number + BigInt(offset)));
    if (root.kind === "expression") return expressionAddress(s, root, offset);
    throw s.refuse(Refusal.Unsupported, `a constant of kind "${root.kind}" is not supported here`);
  }
  const base = s.addressOf(symbol);
  return offset === 0 ? base : s.aluImmediate("add", 64, base, offset);
}

function expressionAddress(s: Selector, root: ConstantExpression, offset: number): Register {
  const [first, second] = root.operands;
  let base: Register;
  switch (root.opcode) {
    case "gep": {
      const step = constantGepOffset(root);
      if (step === undefined) throw s.refuse(Refusal.Unsupported, "an address expression is not constant");
      base = s.alu("add", 64, registerFor(s, first!), constantOperand(s, BigInt(step), 64));
      break;
    }
    case "ptrtoint":
    case "inttoptr":
    case "addrspacecast":
      base = registerFor(s, first!);
      break;
    case "add":
    case "sub":
    case "and":
    case "or":
    case "xor":
    case "mul":
      base = s.alu(root.opcode, 64, registerFor(s, first!), { register: registerFor(s, second!), imm: 0 });
      break;
    default:
      throw s.refuse(Refusal.Unsupported, `a constant expression "${root.opcode}" is not supported here`);
  }
  return offset === 0 ? base : s.aluImmediate("add", 64, base, offset);
}
