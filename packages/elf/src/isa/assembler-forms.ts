/** The assembler's table: one row per shape of instruction text. */
import { helperByName } from "@bpfkit/base/abi";
import { toWords } from "@bpfkit/base/bytes";
import type { Instruction } from "./instruction.ts";
import {
  AluOp,
  AtomicOp,
  Class,
  JumpOp,
  loadImm64Opcode,
  Mode,
  PseudoCall,
  PseudoLoad,
  Size,
  Source,
} from "./opcode.ts";
import { aluSymbols, fetchNames, jumpSymbols, sizeNames } from "./print.ts";

/** What rows need from the assembler. */
export interface AssemblerContext {
  /** Slots from the next slot to `+N`, `-N` or a label. */
  readonly target: (name: string) => number;
  readonly isLabel: (name: string) => boolean;
  /** A number within limits, or an error with the line. */
  readonly number: (word: string, low: number, high: number) => number;
}

/** One shape. `make` gets the groups of the pattern; undefined means that another row must have it. */
export interface AssemblerForm {
  readonly pattern: RegExp;
  readonly make: (words: readonly string[], context: AssemblerContext) => Instruction | undefined;
}

const register = "(\\d+)";
const numeral = "([+-]?(?:0x[0-9a-f]+|\\d+))";
const place = "\\(([us]\\d+) \\*\\)\\(r(\\d+) ([+-]\\d+)\\)";
const jumpTarget = "(?:pc)?([+-]\\d+|[A-Za-z_.$][\\w.$]*)";

function form(pattern: string, make: AssemblerForm["make"]): AssemblerForm {
  return { pattern: new RegExp(`^${pattern}$`), make };
}

function invert(names: Readonly<Record<number, string>>): ReadonlyMap<string, number> {
  return new Map(Object.entries(names).map(([number, name]) => [name, Number(number)]));
}

const aluBySymbol = invert(aluSymbols);
const jumpBySymbol = invert(jumpSymbols);
const fetchByName = invert(fetchNames);
const sizeByName = invert(sizeNames);

interface Fields {
  readonly dst?: number;
  readonly src?: number;
  readonly off?: number;
  readonly imm?: number;
  readonly immHigh?: number;
}

function make(opcode: number, { dst = 0, src = 0, off = 0, imm = 0, immHigh = 0 }: Fields): Instruction {
  return { opcode, dst, src, off, imm: imm | 0, immHigh: immHigh | 0 };
}

function registerNumber(word: string | undefined, context: AssemblerContext): number {
  return context.number(word ?? "", 0, 10);
}

function offset(word: string | undefined, context: AssemblerContext): number {
  return context.number(word ?? "", -0x8000, 0x7fff);
}

function immediate(word: string | undefined, context: AssemblerContext): number {
  return context.number(word ?? "", -0x8000_0000, 0xffff_ffff);
}

/** The size bits of `u8`, `s16` ... */
function size(word: string | undefined): number | undefined {
  return sizeByName.get(`u${word?.slice(1)}`);
}

const aluForms: readonly AssemblerForm[] = [
  form(`r${register} = (be|le|bswap)(16|32|64) r${register}`, ([dst, swap, bits, same], context) => {
    if (dst !== same) return undefined;
    const family = swap === "bswap" ? Class.Alu64 : Class.Alu;
    const source = swap === "be" ? Source.X : Source.K;
    return make(family | AluOp.End | source, { dst: registerNumber(dst, context), imm: Number(bits) });
  }),
  form(`([rw])${register} = -([rw])${register}`, ([letter, dst, other, same], context) => {
    if (dst !== same || letter !== other) return undefined;
    const family = letter === "r" ? Class.Alu64 : Class.Alu;
    return make(family | AluOp.Neg, { dst: registerNumber(dst, context) });
  }),
  form(
    `r${register} = addr_space_cast\\(r${register}, (\\d+), (\\d+)\\)`,
    ([dst, src, to, from], context) => {
      const imm = context.number(to ?? "", 0, 0xffff) * 0x1_0000 + context.number(from ?? "", 0, 0xffff);
      const registers = { dst: registerNumber(dst, context), src: registerNumber(src, context) };
      return make(Class.Alu64 | AluOp.Mov | Source.X, { ...registers, off: 1, imm });
    },
  ),
  form(
    `([rw])${register} = \\(s(8|16|32)\\) ?([rw])${register}`,
    ([letter, dst, bits, other, src], context) => {
      if (letter !== other || (letter === "w" && bits === "32")) return undefined;
      const family = letter === "r" ? Class.Alu64 : Class.Alu;
      const registers = { dst: registerNumber(dst, context), src: registerNumber(src, context) };
      return make(family | AluOp.Mov | Source.X, { ...registers, off: Number(bits) });
    },
  ),
  form(`r${register} = (0x[0-9a-f]+)(?: ll)?`, ([dst, value], context) =>
    wide(dst, BigInt(value ?? "0"), context),
  ),
  form(`r${register} = (-?\\d+) ll`, ([dst, value], context) => wide(dst, BigInt(value ?? "0"), context)),
  form(
    `([rw])${register} (s?)([-+*/|&<>%^s]*=) ([rw])${register}`,
    ([letter, dst, sign, symbol, other, src], context) => {
      if (letter !== other) return undefined;
      return alu(letter, dst, sign, symbol, context, Source.X, { src: registerNumber(src, context) });
    },
  ),
  form(`([rw])${register} (s?)([-+*/|&<>%^s]*=) ${numeral}`, ([letter, dst, sign, symbol, imm], context) =>
    alu(letter, dst, sign, symbol, context, Source.K, { imm: immediate(imm, context) }),
  ),
];

function wide(dst: string | undefined, value: bigint, context: AssemblerContext): Instruction | undefined {
  if (BigInt.asUintN(64, value) !== value && BigInt.asIntN(64, value) !== value) return undefined;
  const { low, high } = toWords(value);
  return make(loadImm64Opcode, { dst: registerNumber(dst, context), imm: low, immHigh: high });
}

function alu(
  letter: string | undefined,
  dst: string | undefined,
  sign: string | undefined,
  symbol: string | undefined,
  context: AssemblerContext,
  source: Source,
  operand: Fields,
): Instruction | undefined {
  const family = letter === "r" ? Class.Alu64 : Class.Alu;
  const arithmeticShift = sign === "s" && symbol === ">>=";
  const operation = aluBySymbol.get(arithmeticShift ? "s>>=" : (symbol ?? ""));
  if (operation === undefined) return undefined;
  const division = operation === AluOp.Div || operation === AluOp.Mod;
  if (sign === "s" && !division && !arithmeticShift) return undefined;
  const off = division && sign === "s" ? 1 : 0;
  return make(family | operation | source, { dst: registerNumber(dst, context), off, ...operand });
}

const jumpForms: readonly AssemblerForm[] = [
  form("exit", () => make(Class.Jmp | JumpOp.Exit, {})),
  form(`goto ${jumpTarget}`, ([to], context) =>
    make(Class.Jmp | JumpOp.Ja, { off: jumpOffset(to, context) }),
  ),
  form(`gotol ${jumpTarget}`, ([to], context) =>
    make(Class.Jmp32 | JumpOp.Ja, { imm: context.target(to ?? "") }),
  ),
  form(`may_goto ${jumpTarget}`, ([to], context) =>
    make(Class.Jmp | JumpOp.Jcond, { off: jumpOffset(to, context) }),
  ),
  form(
    `if ([rw])${register} (s?[=!<>&]=?) ([rw])${register} goto ${jumpTarget}`,
    ([letter, dst, symbol, other, src, to], context) => {
      if (letter !== other) return undefined;
      return branch(letter, dst, symbol, to, context, Source.X, { src: registerNumber(src, context) });
    },
  ),
  form(
    `if ([rw])${register} (s?[=!<>&]=?) ${numeral} goto ${jumpTarget}`,
    ([letter, dst, symbol, imm, to], context) =>
      branch(letter, dst, symbol, to, context, Source.K, { imm: immediate(imm, context) }),
  ),
  form("call pc([+-]\\d+)", ([to], context) => {
    const imm = context.number(to ?? "", -0x8000_0000, 0x7fff_ffff);
    return make(Class.Jmp | JumpOp.Call, { src: PseudoCall.Local, imm });
  }),
  form("call kernel-function#(-?\\d+)", ([id], context) =>
    make(Class.Jmp | JumpOp.Call, { src: PseudoCall.Kfunc, imm: immediate(id, context) }),
  ),
  form("call (?:[A-Za-z_]\\w*#)?(-?\\d+)", ([id], context) =>
    make(Class.Jmp | JumpOp.Call, { imm: immediate(id, context) }),
  ),
  form("call ([A-Za-z_.$][\\w.$]*)", ([name = ""], context) => {
    if (context.isLabel(name)) {
      return make(Class.Jmp | JumpOp.Call, { src: PseudoCall.Local, imm: context.target(name) });
    }
    const helper = helperByName(name);
    if (helper !== undefined) return make(Class.Jmp | JumpOp.Call, { imm: helper.id });
    return make(Class.Jmp | JumpOp.Call, { src: PseudoCall.Local, imm: context.target(name) });
  }),
];

/** A jump distance that must fit the 16-bit offset field. */
function jumpOffset(to: string | undefined, context: AssemblerContext): number {
  return offset(String(context.target(to ?? "")), context);
}

function branch(
  letter: string | undefined,
  dst: string | undefined,
  symbol: string | undefined,
  to: string | undefined,
  context: AssemblerContext,
  source: Source,
  operand: Fields,
): Instruction | undefined {
  const operation = jumpBySymbol.get(symbol ?? "");
  if (operation === undefined) return undefined;
  const family = letter === "r" ? Class.Jmp : Class.Jmp32;
  const off = jumpOffset(to, context);
  return make(family | operation | source, { dst: registerNumber(dst, context), off, ...operand });
}

const loadForms: readonly AssemblerForm[] = [
  form(`r${register} = \\*${place}`, ([dst, type, src, off], context) => {
    const width = size(type);
    const isSigned = type?.startsWith("s") ?? false;
    if (width === undefined || (isSigned && width === Size.DW)) return undefined;
    const registers = { dst: registerNumber(dst, context), src: registerNumber(src, context) };
    return make(Class.Ldx | (isSigned ? Mode.MemSx : Mode.Mem) | width, {
      ...registers,
      off: offset(off, context),
    });
  }),
  form(`\\*${place} = (r?)([+-]?\\w+)`, ([type, dst, off, isRegister, value], context) => {
    const width = size(type);
    if (width === undefined || type?.startsWith("s")) return undefined;
    const common = { dst: registerNumber(dst, context), off: offset(off, context) };
    if (isRegister === "r")
      return make(Class.Stx | Mode.Mem | width, { ...common, src: registerNumber(value, context) });
    return make(Class.St | Mode.Mem | width, { ...common, imm: immediate(value, context) });
  }),
  form("r0 = \\*\\((u8|u16|u32) \\*\\)skb\\[(-?\\d+)\\]", ([type, imm], context) =>
    make(Class.Ld | Mode.Abs | (size(type) ?? 0), { imm: immediate(imm, context) }),
  ),
  form(`r0 = \\*\\((u8|u16|u32) \\*\\)skb\\[r${register} \\+ (-?\\d+)\\]`, ([type, src, imm], context) =>
    make(Class.Ld | Mode.Ind | (size(type) ?? 0), {
      src: registerNumber(src, context),
      imm: immediate(imm, context),
    }),
  ),
  form(`r${register} = (map|var)\\[(fd|idx|btf):(-?\\d+)\\](\\[0\\])?(?:\\+(\\d+))?`, pseudoLoad),
  form(`r${register} = subprog\\[([+-]\\d+)\\]`, ([dst, imm], context) =>
    make(loadImm64Opcode, {
      dst: registerNumber(dst, context),
      src: PseudoLoad.Function,
      imm: context.number(imm ?? "", -0x8000_0000, 0x7fff_ffff),
    }),
  ),
];

function pseudoLoad(words: readonly string[], context: AssemblerContext): Instruction | undefined {
  const [dst, what, by, number, value, add] = words;
  const sources: Readonly<Record<string, PseudoLoad>> = {
    "map fd": PseudoLoad.MapFd,
    "map fd[0]": PseudoLoad.MapValue,
    "map idx": PseudoLoad.MapIndex,
    "map idx[0]": PseudoLoad.MapIndexValue,
    "var btf": PseudoLoad.BtfId,
  };
  const src = sources[`${what} ${by}${value}`];
  if (src === undefined || (add !== "" && value === "")) return undefined;
  const immHigh = add === "" ? 0 : context.number(add ?? "", 0, 0xffff_ffff);
  return make(loadImm64Opcode, {
    dst: registerNumber(dst, context),
    src,
    imm: immediate(number, context),
    immHigh,
  });
}

const atomicForms: readonly AssemblerForm[] = [
  form(`lock \\*${place} ([+|&^]=) r${register}`, ([type, dst, off, symbol, src], context) => {
    const operation = aluBySymbol.get(symbol ?? "") ?? 0;
    // The numbers of these four arithmetic operations and of their atomics are the same.
    return atomic(type, dst, off, src, operation, context);
  }),
  form(`r${register} = atomic(?:64)?_fetch_(\\w+)\\(${place}, r${register}\\)`, (words, context) => {
    const [old, name, type, dst, off, src] = words;
    const operation = fetchByName.get(name ?? "");
    if (old !== src || operation === undefined) return undefined;
    return atomic(type, dst, off, src, operation | AtomicOp.FetchAdd, context);
  }),
  form(
    `r${register} = atomic(?:64)?_xchg\\(${place}, r${register}\\)`,
    ([old, type, dst, off, src], context) =>
      old === src ? atomic(type, dst, off, src, AtomicOp.Xchg, context) : undefined,
  ),
  form(`r0 = atomic(?:64)?_cmpxchg\\(${place}, r0, r${register}\\)`, ([type, dst, off, src], context) =>
    atomic(type, dst, off, src, AtomicOp.Cmpxchg, context),
  ),
  form(`r${register} = load_acquire\\(${place}\\)`, ([dst, type, src, off], context) =>
    ordered(type, dst, off, src, AtomicOp.LoadAcquire, context),
  ),
  form(`store_release\\(${place}, r${register}\\)`, ([type, dst, off, src], context) =>
    ordered(type, dst, off, src, AtomicOp.StoreRelease, context),
  ),
];

type Word = string | undefined;

function atomic(
  type: Word,
  dst: Word,
  off: Word,
  src: Word,
  operation: number,
  context: AssemblerContext,
): Instruction | undefined {
  return type === "u32" || type === "u64" ? ordered(type, dst, off, src, operation, context) : undefined;
}

function ordered(
  type: Word,
  dst: Word,
  off: Word,
  src: Word,
  operation: number,
  context: AssemblerContext,
): Instruction | undefined {
  const width = size(type);
  if (width === undefined || type?.startsWith("s")) return undefined;
  const registers = { dst: registerNumber(dst, context), src: registerNumber(src, context) };
  return make(Class.Stx | Mode.Atomic | width, { ...registers, off: offset(off, context), imm: operation });
}

/** Every shape; the first row that matches and makes sense wins. */
export const forms: readonly AssemblerForm[] = [...aluForms, ...jumpForms, ...loadForms, ...atomicForms];
