/** Machine instructions to BPF instructions, with what the linker and the debug information need to know. */

import { BpfkitError, InternalError } from "@bpfkit/base/diagnostics";
import type { Instruction } from "@bpfkit/elf/isa";
import { AluOp, AtomicOp, Class, JumpOp, loadImm64Opcode, Mode, Size, Source } from "@bpfkit/elf/isa";
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type {
  AccessSize,
  AluOperation,
  AtomicOperation,
  Condition,
  MachineInstruction,
} from "../machine/machine-instruction.ts";
import { framePointer, noRegister } from "../machine/register.ts";
import { coreValueBefore, isWideCoreValue } from "../peephole/core-access.ts";
import { Refusal } from "../select/refuse.ts";
import { assembleInline } from "./assembly.ts";
import type { DraftInstruction } from "./distances.ts";
import { settleDistances } from "./distances.ts";
import type { Encoded, EncodedFunction, WantedRelocation } from "./encoded.ts";

const aluOps: Record<AluOperation, { op: number; signed: boolean }> = {
  add: { op: AluOp.Add, signed: false },
  sub: { op: AluOp.Sub, signed: false },
  mul: { op: AluOp.Mul, signed: false },
  udiv: { op: AluOp.Div, signed: false },
  sdiv: { op: AluOp.Div, signed: true },
  umod: { op: AluOp.Mod, signed: false },
  smod: { op: AluOp.Mod, signed: true },
  or: { op: AluOp.Or, signed: false },
  and: { op: AluOp.And, signed: false },
  xor: { op: AluOp.Xor, signed: false },
  shl: { op: AluOp.Lsh, signed: false },
  lshr: { op: AluOp.Rsh, signed: false },
  ashr: { op: AluOp.Arsh, signed: false },
};

const jumpOps: Record<Condition, number> = {
  eq: JumpOp.Jeq,
  ne: JumpOp.Jne,
  ugt: JumpOp.Jgt,
  uge: JumpOp.Jge,
  ult: JumpOp.Jlt,
  ule: JumpOp.Jle,
  sgt: JumpOp.Jsgt,
  sge: JumpOp.Jsge,
  slt: JumpOp.Jslt,
  sle: JumpOp.Jsle,
};

const atomicOps: Record<AtomicOperation, number> = {
  add: AtomicOp.Add,
  or: AtomicOp.Or,
  and: AtomicOp.And,
  xor: AtomicOp.Xor,
  exchange: AtomicOp.Xchg,
};

const sizes: Record<AccessSize, number> = { 1: Size.B, 2: Size.H, 4: Size.W, 8: Size.DW };

/** Makes the errors of encoding, from a code, a message and the location to blame. */
export type Refuse = (code: string, message: string, location: number, hint: string) => Error;

/** Encodes an allocated function whose jumps are settled. @throws what `refuse` makes of what cannot be encoded */
export function encodeFunction(fn: MachineFunction, refuse: Refuse): EncodedFunction {
  const draft: DraftInstruction[] = [];
  const starts = new Map<MachineBlock, number>();
  for (const block of fn.blocks) {
    starts.set(block, draft.length);
    for (const insn of block.instructions) {
      for (const one of encodeChecked(fn, insn, draft.length, refuse)) {
        draft.push({ ...one, location: insn.location });
      }
    }
  }
  return settleDistances(fn, draft, starts, refuse);
}

/** Encodes one instruction; what is wrong with inline assembly is said with its line of C. */
function encodeChecked(
  fn: MachineFunction,
  insn: MachineInstruction,
  slot: number,
  refuse: Refuse,
): Encoded[] {
  try {
    return encodeInstruction(fn, insn, slot);
  } catch (error) {
    if (insn.opcode !== "assembly" || !(error instanceof BpfkitError)) throw error;
    throw refuse(
      Refusal.Assembly,
      `inline assembly: ${error.message}`,
      insn.location,
      error.hint ?? "Write one instruction a line, in the notation of LLVM's BPF assembler.",
    );
  }
}

function make(opcode: number, fields: Partial<Omit<Instruction, "opcode">>): Instruction {
  return {
    opcode,
    dst: fields.dst ?? 0,
    src: fields.src ?? 0,
    off: fields.off ?? 0,
    imm: fields.imm ?? 0,
    immHigh: fields.immHigh ?? 0,
  };
}

function encodeInstruction(fn: MachineFunction, insn: MachineInstruction, unique: number): Encoded[] {
  const { dst } = insn;
  const alu = insn.width === 32 ? Class.Alu : Class.Alu64;
  switch (insn.opcode) {
    case "copy":
      return [{ insn: make(copyClass(fn, insn) | AluOp.Mov | Source.X, { dst, src: insn.a }) }];
    case "zero-extend":
      return [{ insn: make(Class.Alu | AluOp.Mov | Source.X, { dst, src: insn.a }) }];
    case "sign-extend":
      return [{ insn: make(alu | AluOp.Mov | Source.X, { dst, src: insn.a, off: insn.size * 8 }) }];
    case "move":
      return [{ insn: make(alu | AluOp.Mov | Source.K, { dst, imm: insn.imm }) }];
    case "load-imm64":
      return [{ insn: make(loadImm64Opcode, { dst, imm: insn.imm, immHigh: insn.immHigh }) }];
    case "address":
      return [{ insn: make(loadImm64Opcode, { dst }), relocation: { kind: "address", symbol: insn.symbol } }];
    case "core-value":
      return [encodeCoreValue(insn)];
    case "frame-address": {
      const offset = fn.slots[insn.slot]!.offset + insn.offset;
      const move = { insn: make(Class.Alu64 | AluOp.Mov | Source.X, { dst, src: framePointer }) };
      if (offset === 0) return [move];
      return [move, { insn: make(Class.Alu64 | AluOp.Add | Source.K, { dst, imm: offset }) }];
    }
    case "alu":
      return [encodeAlu(insn)];
    case "negate":
      return [{ insn: make(alu | AluOp.Neg, { dst }) }];
    case "swap":
      return [{ insn: encodeSwap(insn) }];
    case "cast-space":
      return [
        { insn: make(Class.Alu64 | AluOp.Mov | Source.X, { dst, src: insn.a, off: 1, imm: insn.imm }) },
      ];
    case "assembly":
      return assembleInline(fn, insn.assembly!, unique);
    case "barrier":
    case "lifetime-start":
    case "lifetime-end":
      return [];
    case "load":
    case "store":
    case "atomic":
    case "compare-exchange":
    case "load-packet":
      return [encodeMemory(fn, insn)];
    default:
      return [encodeJump(insn)];
  }
}

/** 32-bit copies clear the upper half, which lets the verifier bound the value; only levels with w registers have them. */
function copyClass(fn: MachineFunction, insn: MachineInstruction): number {
  return insn.width === 32 && fn.features.alu32 ? Class.Alu : Class.Alu64;
}

function encodeCoreValue(insn: MachineInstruction): Encoded {
  const relocation: WantedRelocation = { kind: "core", symbol: insn.symbol };
  const value = coreValueBefore(insn.symbol);
  const imm = Number(BigInt.asIntN(32, value));
  if (!isWideCoreValue(insn.symbol)) {
    return { insn: make(Class.Alu64 | AluOp.Mov | Source.K, { dst: insn.dst, imm }), relocation };
  }
  const immHigh = Number(BigInt.asIntN(32, value >> 32n));
  return { insn: make(loadImm64Opcode, { dst: insn.dst, imm, immHigh }), relocation };
}

function encodeAlu(insn: MachineInstruction): Encoded {
  const { op, signed } = aluOps[insn.operation as AluOperation];
  const source = insn.b === noRegister ? Source.K : Source.X;
  const opcode = (insn.width === 32 ? Class.Alu : Class.Alu64) | op | source;
  if (insn.dst !== insn.a) throw new InternalError(`an operation on r${insn.a} writes r${insn.dst}`);
  const fields = { dst: insn.dst, src: Math.max(0, insn.b), off: signed ? 1 : 0 };
  const encoded = make(opcode, { ...fields, imm: insn.b === noRegister ? insn.imm | 0 : 0 });
  return insn.symbol === ""
    ? { insn: encoded }
    : { insn: encoded, relocation: { kind: "core", symbol: insn.symbol } };
}

function encodeSwap(insn: MachineInstruction): Instruction {
  const imm = insn.size * 8;
  if (insn.operation === "bswap") return make(Class.Alu64 | AluOp.End, { dst: insn.dst, imm });
  const direction = insn.operation === "be" ? Source.X : Source.K;
  return make(Class.Alu | AluOp.End | direction, { dst: insn.dst, imm });
}

function encodeMemory(fn: MachineFunction, insn: MachineInstruction): Encoded {
  const size = sizes[insn.size];
  const base = insn.slot >= 0 ? framePointer : insn.a;
  const off = insn.slot >= 0 ? fn.slots[insn.slot]!.offset + insn.offset : insn.offset;
  const core: WantedRelocation | undefined =
    insn.symbol === "" ? undefined : { kind: "core", symbol: insn.symbol };
  const withCore = (encoded: Instruction): Encoded =>
    core === undefined ? { insn: encoded } : { insn: encoded, relocation: core };
  const ordered = (imm: number, registers: { dst: number; src: number }): Instruction =>
    make(Class.Stx | Mode.Atomic | size, { ...registers, off, imm });
  switch (insn.opcode) {
    case "load": {
      if (insn.fetch) return withCore(ordered(AtomicOp.LoadAcquire, { dst: insn.dst, src: base }));
      const mode = insn.signed ? Mode.MemSx : Mode.Mem;
      return withCore(make(Class.Ldx | mode | size, { dst: insn.dst, src: base, off }));
    }
    case "store":
      if (insn.fetch) return withCore(ordered(AtomicOp.StoreRelease, { dst: base, src: insn.b }));
      if (insn.b !== noRegister)
        return withCore(make(Class.Stx | Mode.Mem | size, { dst: base, src: insn.b, off }));
      return withCore(make(Class.St | Mode.Mem | size, { dst: base, off, imm: insn.imm }));
    case "load-packet": {
      const mode = insn.b === noRegister ? Mode.Abs : Mode.Ind;
      return { insn: make(Class.Ld | mode | size, { src: Math.max(0, insn.b), imm: insn.imm }) };
    }
    default: {
      const fetch = insn.fetch ? AtomicOp.FetchAdd : 0;
      const imm =
        insn.opcode === "compare-exchange"
          ? AtomicOp.Cmpxchg
          : atomicOps[insn.operation as AtomicOperation] | fetch;
      return { insn: make(Class.Stx | Mode.Atomic | size, { dst: base, src: insn.b, off, imm }) };
    }
  }
}

function encodeJump(insn: MachineInstruction): Encoded {
  switch (insn.opcode) {
    case "goto":
      return { insn: make(Class.Jmp | JumpOp.Ja, {}), target: insn.target! };
    case "branch": {
      const source = insn.b === noRegister ? Source.K : Source.X;
      const opcode =
        (insn.width === 32 ? Class.Jmp32 : Class.Jmp) | jumpOps[insn.operation as Condition] | source;
      const imm = insn.b === noRegister ? insn.imm | 0 : 0;
      return { insn: make(opcode, { dst: insn.a, src: Math.max(0, insn.b), imm }), target: insn.target! };
    }
    case "return":
      return { insn: make(Class.Jmp | JumpOp.Exit, {}) };
    case "call":
      if (insn.operation === "helper") return { insn: make(Class.Jmp | JumpOp.Call, { imm: insn.imm }) };
      return {
        insn: make(Class.Jmp | JumpOp.Call, { src: 1, imm: -1 }),
        relocation: { kind: "call", symbol: insn.symbol },
      };
    default:
      throw new InternalError(`no encoding for ${insn.opcode}`);
  }
}
