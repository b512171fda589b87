/** One instruction of machine code: BPF's own instructions over virtual registers, plus a few that later passes expand. */
import type { MachineBlock } from "./machine-function.ts";
import type { Register } from "./register.ts";
import { noRegister } from "./register.ts";

/**
 * What an instruction does. `dst`, `a`, `b` and `c` are registers; where `b` is `noRegister`, `imm` stands in.
 *
 * - copy: dst = a. Width 32 says that only the low half matters; it may vanish, so it is no zero-extension.
 * - move: dst = imm; width 32 zero-extends, width 64 sign-extends 32 bits.
 * - load-imm64: dst = immHigh:imm, two slots.
 * - address: dst = address of `symbol`, two slots.
 * - core-value: dst = what the loader writes for the CO-RE relocation `symbol`.
 * - frame-address: dst = r10 + place of `slot` + offset; becomes a move and an addition.
 * - alu: dst = a operation b; before two-address form dst and a may differ, after it they are equal.
 * - negate, zero-extend (low 32 bits), sign-extend (`size` bytes; v4), swap (bytes): dst = f(a).
 * - cast-space: dst = a moved into another address space; imm holds both as the instruction does.
 * - load: dst = *(size *)(a + offset); store: *(size *)(a + offset) = b. Where `slot` >= 0 the base is that slot.
 *   With `fetch` they are load-acquire and store-release (v4).
 * - atomic: *(size *)(a + offset) operation= b; with `fetch`, dst receives the old value and is tied to b.
 * - compare-exchange: r0 = the old value of *(size *)(a + offset), replaced by b where it equals r0.
 * - branch: to `target` where `a operation b`; goto: to `target`; both end blocks.
 * - call: a helper (imm), a function (`symbol`); reads the registers of `argumentMask`, writes r0, destroys r1 to r5.
 * - return: reads the registers of `argumentMask`.
 * - barrier: empty inline assembly that may change what it touches; dst is tied to a. Takes no space.
 * - assembly: inline BPF assembly, see `assembly`.
 * - lifetime-start, lifetime-end: the variable in `slot` comes to life, and dies. They take no space.
 */
export type MachineOpcode =
  | "copy"
  | "move"
  | "load-imm64"
  | "address"
  | "core-value"
  | "frame-address"
  | "alu"
  | "negate"
  | "zero-extend"
  | "sign-extend"
  | "swap"
  | "cast-space"
  | "load"
  | "store"
  | "atomic"
  | "compare-exchange"
  | "load-packet"
  | "branch"
  | "goto"
  | "call"
  | "return"
  | "barrier"
  | "assembly"
  | "lifetime-start"
  | "lifetime-end";

/** Operations of `alu`; those that BPF has. */
export type AluOperation =
  | "add"
  | "sub"
  | "mul"
  | "udiv"
  | "sdiv"
  | "umod"
  | "smod"
  | "or"
  | "and"
  | "xor"
  | "shl"
  | "lshr"
  | "ashr";

/** Conditions of `branch`. */
export type Condition = "eq" | "ne" | "ugt" | "uge" | "ult" | "ule" | "sgt" | "sge" | "slt" | "sle";

/** Operations of `atomic`. */
export type AtomicOperation = "add" | "or" | "and" | "xor" | "exchange";

/** Operations of `swap`: to big endian, to little endian, unconditional (v4). */
export type SwapOperation = "be" | "le" | "bswap";

/** What a `call` calls. */
export type CallOperation = "helper" | "function" | "register";

/** Bytes of a memory access. */
export type AccessSize = 1 | 2 | 4 | 8;

/** An operand of inline assembly; an input tied to an output shares its register. */
export interface AssemblyOperand {
  register: Register;
  readonly isOutput: boolean;
  /** Index of the output that this input shares a register with, or -1. */
  readonly tiedTo: number;
  /** What to print in the template where it is no register. */
  readonly text: string | undefined;
  /** Printed with `w` rather than `r`. */
  readonly narrow: boolean;
  /** A place in memory, `(r1 + 8)`, rather than a register. */
  readonly isMemory: boolean;
  /** The frame slot of a place in memory, or -1. */
  readonly slot: number;
  readonly offset: number;
  /** True where the output is written before all inputs are read. */
  readonly earlyClobber: boolean;
}

/** Inline assembly with its operands, outputs first. */
export interface Assembly {
  readonly template: string;
  readonly operands: AssemblyOperand[];
  /** Physical registers the assembly destroys. */
  readonly clobbers: readonly Register[];
  /** Blocks the assembly may jump to (`asm goto`), in the order of its label operands. */
  readonly targets: MachineBlock[];
}

/** What stands in the template for a label of `asm goto`, by its number among the labels. */
export function labelText(index: number): string {
  return `.Lasm_goto_${index}`;
}

/** The number of a label that {@link labelText} made. */
export function labelIndex(text: string): number | undefined {
  const match = /^\.Lasm_goto_(\d+)$/.exec(text);
  return match === null ? undefined : Number(match[1]);
}

/** One instruction. All have the same shape; fields without meaning for an opcode keep their defaults. */
export interface MachineInstruction {
  opcode: MachineOpcode;
  width: 32 | 64;
  operation: AluOperation | Condition | AtomicOperation | SwapOperation | CallOperation | "";
  dst: Register;
  a: Register;
  b: Register;
  c: Register;
  imm: number;
  immHigh: number;
  size: AccessSize;
  signed: boolean;
  fetch: boolean;
  volatile: boolean;
  offset: number;
  slot: number;
  /** The global a relocation names; for load, store and alu a CO-RE global whose value is the offset or immediate. */
  symbol: string;
  target: MachineBlock | undefined;
  /** Registers that a call or a return reads, as bits. */
  argumentMask: number;
  assembly: Assembly | undefined;
  /** Metadata id of the DILocation, -1 where there is none. */
  location: number;
}

/** A new instruction with the fields given and defaults for the rest. */
export function instruction(
  opcode: MachineOpcode,
  fields: Partial<Omit<MachineInstruction, "opcode">>,
): MachineInstruction {
  return {
    opcode,
    width: fields.width ?? 64,
    operation: fields.operation ?? "",
    dst: fields.dst ?? noRegister,
    a: fields.a ?? noRegister,
    b: fields.b ?? noRegister,
    c: fields.c ?? noRegister,
    imm: fields.imm ?? 0,
    immHigh: fields.immHigh ?? 0,
    size: fields.size ?? 8,
    signed: fields.signed ?? false,
    fetch: fields.fetch ?? false,
    volatile: fields.volatile ?? false,
    offset: fields.offset ?? 0,
    slot: fields.slot ?? -1,
    symbol: fields.symbol ?? "",
    target: fields.target,
    argumentMask: fields.argumentMask ?? 0,
    assembly: fields.assembly,
    location: fields.location ?? -1,
  };
}

/** True for instructions after which a block may be left. */
export function isTerminator(insn: MachineInstruction): boolean {
  return (
    insn.opcode === "branch" ||
    insn.opcode === "goto" ||
    insn.opcode === "return" ||
    (insn.assembly !== undefined && insn.assembly.targets.length > 0)
  );
}

/** True where removing the instruction changes more than the value of `dst`. */
export function hasSideEffects(insn: MachineInstruction): boolean {
  switch (insn.opcode) {
    case "copy":
    case "move":
    case "load-imm64":
    case "address":
    case "core-value":
    case "frame-address":
    case "alu":
    case "negate":
    case "zero-extend":
    case "sign-extend":
    case "swap":
    case "cast-space":
      return false;
    case "load":
      return insn.volatile;
    default:
      return true;
  }
}

/** True for constants and addresses: a value that can be computed anywhere again instead of being kept. */
export function isRematerialisable(insn: MachineInstruction): boolean {
  switch (insn.opcode) {
    case "move":
    case "load-imm64":
    case "address":
    case "core-value":
    case "frame-address":
      return true;
    default:
      return false;
  }
}

/** The condition that holds exactly where this one does not. */
export function invertCondition(condition: Condition): Condition {
  return inverted[condition];
}

/** The condition with its operands exchanged. */
export function swapCondition(condition: Condition): Condition {
  return exchanged[condition];
}

const inverted: Record<Condition, Condition> = {
  eq: "ne",
  ne: "eq",
  ugt: "ule",
  uge: "ult",
  ult: "uge",
  ule: "ugt",
  sgt: "sle",
  sge: "slt",
  slt: "sge",
  sle: "sgt",
};

const exchanged: Record<Condition, Condition> = {
  eq: "eq",
  ne: "ne",
  ugt: "ult",
  uge: "ule",
  ult: "ugt",
  ule: "uge",
  sgt: "slt",
  sge: "sle",
  slt: "sgt",
  sle: "sge",
};

/** True where the operands of the operation may be exchanged. */
export function isCommutative(operation: string): boolean {
  return (
    operation === "add" ||
    operation === "mul" ||
    operation === "and" ||
    operation === "or" ||
    operation === "xor"
  );
}
