/** Selection of address arithmetic, and addresses for loads and stores. */
import type { GepInstruction } from "../ir/instruction.ts";
import type { Value } from "../ir/value.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import type { Address } from "./address.ts";
import { constantGepOffset, gepTerms, moveAddress, rootOf, symbolOf } from "./address.ts";
import { fitsSigned16, fitsSigned32 } from "./bits.ts";
import { integerValue } from "./constants.ts";
import type { Selector } from "./selector.ts";
import { constantOperand, extendedRegister, registerFor } from "./values.ts";

/** The address for a load or a store. */
export function addressFor(s: Selector, pointer: Value): Address {
  const { root, offset } = rootOf(pointer);
  const slot = s.slots.get(root);
  if (slot !== undefined) return { register: noRegister, slot, offset };
  const sum = s.sums.get(root);
  if (sum !== undefined && fitsSigned16(sum.offset + offset)) {
    return { register: sum.register, slot: -1, offset: sum.offset + offset };
  }
  const symbol = symbolOf(root);
  if (symbol !== undefined) return { register: s.addressOf(symbol), slot: -1, offset };
  return { register: registerFor(s, root), slot: -1, offset };
}

/** Selects a gep: constant parts are summed up and added last, so that accesses can take them in. */
export function selectGep(s: Selector, gep: GepInstruction): void {
  const constant = constantGepOffset(gep);
  if (constant !== undefined) {
    const slotted = s.machine.newRegister();
    if (moveAddress(s, slotted, gep)) s.define(gep, slotted);
    else s.define(gep, addConstant(s, registerFor(s, gep.pointer), constant));
    return;
  }
  const base = baseOf(s, gep);
  let { register, offset } = base;
  for (const term of gepTerms(gep.sourceType, gep.indices)) {
    const number = term.index === undefined ? 1n : integerValue(term.index);
    if (number !== undefined) {
      const bits = term.index?.type.kind === "integer" ? term.index.type.bits : 64;
      offset += Number(BigInt.asIntN(bits, number)) * term.bytes;
    } else {
      const scaled = scaledIndex(s, term.index!, term.bytes);
      register = s.alu("add", 64, register, { register: scaled, imm: 0 });
    }
  }
  s.sums.set(gep, { register, offset });
  s.define(gep, addConstant(s, register, offset));
}

/** What the indices are added to, with constant bytes kept apart so that accesses can take them in. */
function baseOf(s: Selector, gep: GepInstruction): { register: Register; offset: number } {
  const { root, offset } = rootOf(gep.pointer);
  // The address of a frame slot takes a constant in for nothing.
  if (s.slots.has(root)) return { register: registerFor(s, gep.pointer), offset: 0 };
  const sum = s.sums.get(root);
  if (sum !== undefined) return { register: sum.register, offset: sum.offset + offset };
  const symbol = symbolOf(root);
  return { register: symbol === undefined ? registerFor(s, root) : s.addressOf(symbol), offset };
}

function addConstant(s: Selector, register: Register, offset: number): Register {
  if (offset === 0) return register;
  if (fitsSigned32(offset)) return s.aluImmediate("add", 64, register, offset);
  return s.alu("add", 64, register, constantOperand(s, BigInt(offset), 64));
}

function scaledIndex(s: Selector, index: Value, bytes: number): Register {
  const register = extendedRegister(s, index, 64, "sign");
  if (bytes === 1) return register;
  if (Number.isInteger(Math.log2(bytes))) return s.aluImmediate("shl", 64, register, Math.log2(bytes));
  return s.alu("mul", 64, register, constantOperand(s, BigInt(bytes), 64));
}
