/** Selection of calls and returns. Arguments go in r1 to r5, the result comes in r0. */
import type { CallInstruction, CallLike, ReturnInstruction } from "../ir/instruction.ts";
import type { Attributes, Value } from "../ir/value.ts";
import type { CallOperation } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { moveAddress, rootOf, symbolOf } from "./address.ts";
import { isInlineAssembly, selectAssembly } from "./assembly.ts";
import { integerValue } from "./constants.ts";
import { selectIntrinsic } from "./intrinsics.ts";
import { Refusal } from "./refuse.ts";
import type { Selector } from "./selector.ts";
import { extendedRegister, registerFor } from "./values.ts";

/** Arguments that fit registers. */
const maxArguments = 5;

/** Selects a call of a helper, a function, an intrinsic, or inline assembly. */
export function selectCall(s: Selector, insn: CallInstruction): void {
  if (isInlineAssembly(insn.callee)) {
    selectAssembly(s, insn, insn.callee);
    return;
  }
  const { callee } = insn;
  if (callee.kind === "function" && callee.name.startsWith("llvm.")) {
    selectIntrinsic(s, insn, callee.name);
    return;
  }
  const target = targetOf(s, callee);
  const count = insn.args.length;
  if (count > maxArguments) {
    throw s.refuse(
      Refusal.TooManyArguments,
      `a call has ${count} arguments; BPF passes at most ${maxArguments}`,
      "Put some of them in a struct and pass its address.",
    );
  }
  const argumentMask = passArguments(s, insn);
  s.emit("call", { ...target, argumentMask });
  s.crossCall();
  if (insn.type.kind === "void" || (s.users.get(insn)?.length ?? 0) === 0) return;
  const bits = s.bitsOf(insn.type);
  const dst = s.machine.newRegister(resultBits(s, bits, insn.resultAttributes));
  s.emit("copy", { dst, a: 0, width: s.classOf(bits) });
  s.define(insn, dst);
}

function resultBits(s: Selector, bits: number, attributes: Attributes): number {
  if (attributes.has("zeroext") && s.features.alu32 && bits < 32) {
    // The callee extends to 32 bits only; a copy of a w register is no zero-extension.
    return 64;
  }
  return attributes.has("zeroext") ? bits : 64;
}

function targetOf(s: Selector, callee: Value): { operation: CallOperation; imm: number; symbol: string } {
  const symbol = symbolOf(rootOf(callee).root);
  if (symbol !== undefined) return { operation: "function", imm: 0, symbol };
  const helper = integerValue(callee);
  if (helper !== undefined && helper <= 0x7fff_ffffn) {
    return { operation: "helper", imm: Number(helper), symbol: "" };
  }
  throw s.refuse(
    Refusal.IndirectCall,
    "a call through a pointer: BPF has no indirect calls",
    "Call the function by its name, or use a tail call.",
  );
}

/**
 * Computes all arguments first, then moves them into place, so that no move destroys another argument.
 * Returns the registers used as bits. Undefined arguments get none: they keep what is there, which to the verifier
 * may well be the context that the callee's prototype asks for.
 */
function passArguments(s: Selector, insn: CallLike): number {
  const prepared: (Register | undefined)[] = insn.args.map((value, index) => {
    if (isUndefined(value) || isCheap(s, value)) return undefined;
    return argumentRegister(s, value, insn.argumentAttributes[index]);
  });
  let mask = 0;
  insn.args.forEach((value, index) => {
    if (isUndefined(value)) return;
    const dst = index + 1;
    mask |= 1 << dst;
    const register = prepared[index];
    if (register !== undefined) {
      s.emit("copy", { dst, a: register, width: s.classOf(s.bitsOf(value.type)) });
      return;
    }
    const number = integerValue(value);
    if (number !== undefined)
      s.moveConstant(dst, argumentContent(s, value, number, insn.argumentAttributes[index]));
    else if (!moveAddress(s, dst, value)) {
      s.emit("address", { dst, symbol: symbolOf(rootOf(value).root) ?? "" });
    }
  });
  return mask;
}

function isUndefined(value: Value): boolean {
  return value.kind === "undef" || value.kind === "poison";
}

/** True for values that one instruction puts straight into the argument register. */
function isCheap(s: Selector, value: Value): boolean {
  if (integerValue(value) !== undefined) return true;
  const { root, offset } = rootOf(value);
  if (s.slots.has(root)) return !isFrequent(s, root, offset);
  return symbolOf(root) !== undefined && offset === 0;
}

/**
 * True for addresses on the stack that this block passes three times or more: a register for them pays, since making
 * them takes two instructions.
 */
function isFrequent(s: Selector, root: Value, offset: number): boolean {
  return (s.frameArguments().get(`${s.slots.get(root)}+${offset}`) ?? 0) >= 3;
}

function argumentRegister(s: Selector, value: Value, attributes: Attributes | undefined): Register {
  const { root, offset } = rootOf(value);
  const slot = s.slots.get(root);
  if (slot !== undefined) {
    return s.shared(`frame ${slot}+${offset}`, () => {
      const dst = s.machine.newRegister();
      s.emit("frame-address", { dst, slot, offset });
      return dst;
    });
  }
  const bits = s.bitsOf(value.type);
  const width = s.classOf(bits);
  if (bits < width && attributes?.has("zeroext")) return extendedRegister(s, value, width, "zero");
  if (bits < width && attributes?.has("signext")) return extendedRegister(s, value, width, "sign");
  return registerFor(s, value);
}

function argumentContent(
  s: Selector,
  value: Value,
  number: bigint,
  attributes: Attributes | undefined,
): bigint {
  const bits = s.bitsOf(value.type);
  if (!attributes?.has("signext")) return number;
  return BigInt.asUintN(s.classOf(bits), BigInt.asIntN(bits, number));
}

/** Selects `ret`. */
export function selectReturn(s: Selector, insn: ReturnInstruction): void {
  const { value } = insn;
  if (value === undefined) {
    s.emit("return", {});
    return;
  }
  const attributes = s.fn.resultAttributes;
  const number = integerValue(value);
  if (number !== undefined) s.moveConstant(0, argumentContent(s, value, number, attributes));
  else {
    const register = argumentRegister(s, value, attributes);
    s.emit("copy", { dst: 0, a: register, width: s.classOf(s.bitsOf(value.type)) });
  }
  s.emit("return", { argumentMask: 1 });
}

/** Moves the parameters out of their registers at the start of a function. */
export function selectParameters(s: Selector): void {
  const { parameters } = s.fn;
  if (s.fn.functionType.variadic) {
    throw s.refuse(
      Refusal.TooManyArguments,
      "a function with variable arguments: BPF passes at most 5, in registers",
      "Give it a fixed number of parameters.",
    );
  }
  if (parameters.length > maxArguments) {
    throw s.refuse(
      Refusal.TooManyArguments,
      `a function has ${parameters.length} parameters; BPF passes at most ${maxArguments}`,
      "Put some of them in a struct and pass its address, or let the function be inlined.",
    );
  }
  for (const parameter of parameters) {
    const bits = s.bitsOf(parameter.type);
    const width = s.classOf(bits);
    const dst = s.machine.newRegister();
    s.emit("copy", { dst, a: parameter.index + 1, width });
    s.define(parameter, dst);
  }
}
