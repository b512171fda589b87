/** Selection of casts. Most take no instruction: the upper bits of a register are undefined until somebody asks. */
import type { CastInstruction, FreezeInstruction } from "../ir/instruction.ts";
import type { Register } from "../machine/register.ts";
import { Refusal } from "./refuse.ts";
import type { Selector } from "./selector.ts";
import { extendedRegister, registerFor } from "./values.ts";

/** Selects `trunc`, `zext`, `sext` and the casts of pointers. */
export function selectCast(s: Selector, insn: CastInstruction): void {
  switch (insn.opcode) {
    case "trunc":
    case "bitcast":
      s.bitsOf(insn.type);
      s.bitsOf(insn.value.type);
      s.define(insn, registerFor(s, insn.value));
      return;
    case "zext":
      s.define(insn, extendedRegister(s, insn.value, s.classOf(s.bitsOf(insn.type)), "zero"));
      return;
    case "sext": {
      const nonNegative = insn.flags.includes("nneg");
      const width = s.classOf(s.bitsOf(insn.type));
      s.define(insn, extendedRegister(s, insn.value, width, nonNegative ? "zero" : "sign"));
      return;
    }
    case "ptrtoint":
    case "inttoptr":
      s.define(insn, extendedRegister(s, insn.value, 64, "zero"));
      return;
    case "addrspacecast":
      s.define(insn, castSpace(s, insn));
      return;
    default:
      throw s.refuse(Refusal.FloatingPoint, "BPF has no floating point", "Use integers or fixed point.");
  }
}

/** Which spaces it goes between stands in the immediate: the new one in the upper half, the old one in the lower. */
function castSpace(s: Selector, insn: CastInstruction): Register {
  const spaces = [insn.type, insn.value.type].map((type) =>
    type.kind === "pointer" ? type.addressSpace : 0,
  );
  const [to = 0, from = 0] = spaces;
  const value = registerFor(s, insn.value);
  if (to === from) return value;
  if (Math.max(to, from) > 0xffff) {
    throw s.refuse(Refusal.Unsupported, `address space ${Math.max(to, from)} does not exist in BPF`);
  }
  const dst = s.machine.newRegister();
  s.emit("cast-space", { dst, a: value, imm: (to << 16) | from | 0 });
  return dst;
}

/** `freeze` makes nothing of undefined bits: the register is what it is. */
export function selectFreeze(s: Selector, insn: FreezeInstruction): void {
  s.define(insn, registerFor(s, insn.value));
}
