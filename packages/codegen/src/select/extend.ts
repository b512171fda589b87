/** Zero- and sign-extension of integers whose upper register bits are undefined. */
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import type { Selector } from "./selector.ts";

/**
 * A register with the same low `bits`, and zeros above up to bit `width` (or all the way).
 * Nothing is emitted where that is known already.
 */
export function zeroExtend(s: Selector, register: Register, bits: number, width: 32 | 64): Register {
  const known = s.machine.significantBits[register] ?? 64;
  if (known <= bits || bits >= width) return register;
  return s.shared(`z${register},${bits},${width}`, () => zeroExtended(s, register, bits));
}

function zeroExtended(s: Selector, register: Register, bits: number): Register {
  if (bits < 32 || (bits === 32 && s.features.alu32)) {
    if (bits === 32) {
      const dst = s.machine.newRegister(32);
      s.emit("zero-extend", { dst, a: register, width: 32 });
      return dst;
    }
    return s.aluImmediate("and", s.features.alu32 ? 32 : 64, register, 2 ** bits - 1);
  }
  const raised = s.aluImmediate("shl", 64, register, 64 - bits);
  const dst = s.aluImmediate("lshr", 64, raised, 64 - bits);
  s.machine.significantBits[dst] = bits;
  return dst;
}

/** A register with the same low `bits`, and copies of the sign above up to bit `width`. */
export function signExtend(s: Selector, register: Register, bits: number, width: 32 | 64): Register {
  const known = s.machine.significantBits[register] ?? 64;
  if (known < bits || bits >= width || (s.signedLoads.get(register) ?? 64) <= bits) return register;
  return s.shared(`s${register},${bits},${width}`, () => signExtended(s, register, bits, width));
}

function signExtended(s: Selector, register: Register, bits: number, width: 32 | 64): Register {
  if (s.features.v4 && (bits === 8 || bits === 16 || bits === 32)) {
    const dst = s.machine.newRegister(width);
    const size = bits === 8 ? 1 : bits === 16 ? 2 : 4;
    s.emit("sign-extend", { dst, a: register, size, width });
    return dst;
  }
  const raised = s.aluImmediate("shl", width, register, width - bits);
  return s.alu("ashr", width, raised, { register: noRegister, imm: width - bits });
}
