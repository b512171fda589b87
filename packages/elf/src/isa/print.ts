/**
 * One instruction in the notation of the kernel verifier's log (facts: kernel/bpf/disasm.c, Linux 6.18). What the kernel
 * has no notation for, because it is gone by then, is written as bpftool or LLVM do: map references and symbols.
 */
import { helperById } from "@bpfkit/base/abi";
import { fromWords } from "@bpfkit/base/bytes";
import type { Instruction } from "./instruction.ts";
import {
  AluOp,
  AtomicOp,
  atomicFetchFlag,
  Class,
  JumpOp,
  loadImm64Opcode,
  Mode,
  PseudoCall,
  PseudoLoad,
  Size,
} from "./opcode.ts";

/** Assignment operators by AluOp. */
export const aluSymbols: Readonly<Record<number, string>> = {
  [AluOp.Add]: "+=",
  [AluOp.Sub]: "-=",
  [AluOp.Mul]: "*=",
  [AluOp.Div]: "/=",
  [AluOp.Or]: "|=",
  [AluOp.And]: "&=",
  [AluOp.Lsh]: "<<=",
  [AluOp.Rsh]: ">>=",
  [AluOp.Mod]: "%=",
  [AluOp.Xor]: "^=",
  [AluOp.Mov]: "=",
  [AluOp.Arsh]: "s>>=",
};

/** Comparison operators by JumpOp. */
export const jumpSymbols: Readonly<Record<number, string>> = {
  [JumpOp.Jeq]: "==",
  [JumpOp.Jgt]: ">",
  [JumpOp.Jge]: ">=",
  [JumpOp.Jset]: "&",
  [JumpOp.Jne]: "!=",
  [JumpOp.Jsgt]: "s>",
  [JumpOp.Jsge]: "s>=",
  [JumpOp.Jlt]: "<",
  [JumpOp.Jle]: "<=",
  [JumpOp.Jslt]: "s<",
  [JumpOp.Jsle]: "s<=",
};

/** Unsigned type names by Size. */
export const sizeNames: Readonly<Record<number, string>> = {
  [Size.B]: "u8",
  [Size.H]: "u16",
  [Size.W]: "u32",
  [Size.DW]: "u64",
};

/** Names in atomic64_fetch_NAME by AtomicOp without the fetch flag. */
export const fetchNames: Readonly<Record<number, string>> = {
  [AtomicOp.Add]: "add",
  [AtomicOp.Or]: "or",
  [AtomicOp.And]: "and",
  [AtomicOp.Xor]: "xor",
};

/**
 * `r1 = *(u64 *)(r10 -8)`, `call bpf_map_lookup_elem#1`, `if w1 s> 0x5 goto pc+3` ... An instruction that does not exist
 * comes out as `BUG_` and its opcode, as from the kernel.
 */
export function printInstruction(instruction: Instruction): string {
  switch (instruction.opcode & 0x07) {
    case Class.Alu:
    case Class.Alu64:
      return printAlu(instruction);
    case Class.Jmp:
    case Class.Jmp32:
      return printJump(instruction);
    case Class.Ld:
      return printLoad(instruction);
    case Class.Ldx:
      return printLoadMem(instruction);
    case Class.St:
      return printStoreImm(instruction);
    default:
      return printStore(instruction);
  }
}

function bug(instruction: Instruction): string {
  return `BUG_${instruction.opcode.toString(16).padStart(2, "0")}`;
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}

function memory(type: string, register: number, off: number): string {
  return `(${type} *)(r${register} ${signed(off)})`;
}

function printAlu(instruction: Instruction): string {
  const { opcode, dst, src, off, imm } = instruction;
  const wide = (opcode & 0x07) === Class.Alu64;
  const letter = wide ? "r" : "w";
  const operation = opcode & 0xf0;
  const fromRegister = (opcode & 0x08) !== 0;
  if (operation === AluOp.End) {
    const swap = wide ? "bswap" : fromRegister ? "be" : "le";
    return wide && fromRegister ? bug(instruction) : `r${dst} = ${swap}${imm} r${dst}`;
  }
  if (operation === AluOp.Neg) return `${letter}${dst} = -${letter}${dst}`;
  const symbol = aluSymbols[operation];
  if (symbol === undefined) return bug(instruction);
  if (operation === AluOp.Mov && fromRegister && wide && off === 1) {
    return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`;
  }
  // Only the kernel itself makes this one, for per-CPU maps (Linux 6.10).
  if (operation === AluOp.Mov && fromRegister && wide && off === -1) {
    return `r${dst} = &(void __percpu *)(r${src})`;
  }
  const division = operation === AluOp.Div || operation === AluOp.Mod;
  const sign = division && off === 1 ? "s" : "";
  const cast = operation === AluOp.Mov && fromRegister && off !== 0 ? `(s${off})` : "";
  const operand = fromRegister ? `${cast}${letter}${src}` : String(imm);
  return `${letter}${dst} ${sign}${symbol} ${operand}`;
}

function printJump(instruction: Instruction): string {
  const { opcode, dst, src, off, imm } = instruction;
  const narrow = (opcode & 0x07) === Class.Jmp32;
  switch (opcode) {
    case Class.Jmp | JumpOp.Ja:
      return `goto pc${signed(off)}`;
    case Class.Jmp32 | JumpOp.Ja:
      return `gotol pc${signed(imm)}`;
    case Class.Jmp | JumpOp.Jcond:
      return `may_goto pc${signed(off)}`;
    case Class.Jmp | JumpOp.Call:
      return printCall(instruction);
    case Class.Jmp | JumpOp.Exit:
      return "exit";
    default: {
      const symbol = jumpSymbols[opcode & 0xf0];
      if (symbol === undefined) return bug(instruction);
      const letter = narrow ? "w" : "r";
      const operand = (opcode & 0x08) !== 0 ? `${letter}${src}` : `0x${(imm >>> 0).toString(16)}`;
      return `if ${letter}${dst} ${symbol} ${operand} goto pc${signed(off)}`;
    }
  }
}

function printCall(instruction: Instruction): string {
  const { src, imm, meta } = instruction;
  switch (src) {
    case PseudoCall.Local:
      // clang leaves -1 and a relocation where the function is in another section.
      return imm === -1 && meta?.symbol !== undefined ? `call ${meta.symbol}` : `call pc${signed(imm)}`;
    case PseudoCall.Kfunc:
      return `call ${meta?.symbol ?? "kernel-function"}#${imm}`;
    default: {
      const helper = helperById(imm);
      return `call ${helper === undefined ? "unknown" : `bpf_${helper.name}`}#${imm}`;
    }
  }
}

function printLoad(instruction: Instruction): string {
  const { opcode, dst, src, imm } = instruction;
  const type = sizeNames[opcode & 0x18];
  switch (opcode & 0xe0) {
    case Mode.Abs:
      return `r0 = *(${type} *)skb[${imm}]`;
    case Mode.Ind:
      return `r0 = *(${type} *)skb[r${src} + ${imm}]`;
    default:
      return opcode === loadImm64Opcode ? `r${dst} = ${printImm64(instruction)}` : bug(instruction);
  }
}

function printImm64(instruction: Instruction): string {
  const { src, imm, immHigh, meta } = instruction;
  const symbol = meta?.symbol;
  switch (src) {
    case PseudoLoad.MapFd:
      return `map[${symbol ?? `fd:${imm}`}]`;
    case PseudoLoad.MapValue:
      return `map[${symbol ?? `fd:${imm}`}][0]+${immHigh >>> 0}`;
    case PseudoLoad.BtfId:
      return `var[${symbol ?? `btf:${imm}`}]`;
    case PseudoLoad.Function:
      return `subprog[${signed(imm)}]`;
    case PseudoLoad.MapIndex:
      return `map[idx:${imm}]`;
    case PseudoLoad.MapIndexValue:
      return `map[idx:${imm}][0]+${immHigh >>> 0}`;
    default: {
      const value = fromWords(imm, immHigh);
      if (symbol === undefined) return `0x${value.toString(16)}`;
      return value === 0n ? `${symbol} ll` : `${symbol}+${value} ll`;
    }
  }
}

function printLoadMem(instruction: Instruction): string {
  const { opcode, dst, src, off } = instruction;
  const size = opcode & 0x18;
  const type = sizeNames[size] ?? "";
  switch (opcode & 0xe0) {
    case Mode.Mem:
      return `r${dst} = *${memory(type, src, off)}`;
    case Mode.MemSx:
      return size === Size.DW ? bug(instruction) : `r${dst} = *${memory(type.replace("u", "s"), src, off)}`;
    default:
      return bug(instruction);
  }
}

function printStoreImm(instruction: Instruction): string {
  const { opcode, dst, off, imm } = instruction;
  if ((opcode & 0xe0) !== Mode.Mem) return bug(instruction);
  return `*${memory(sizeNames[opcode & 0x18] ?? "", dst, off)} = ${imm}`;
}

function printStore(instruction: Instruction): string {
  const { opcode, dst, src, off, imm } = instruction;
  const size = opcode & 0x18;
  const type = sizeNames[size] ?? "";
  const mode = opcode & 0xe0;
  const target = memory(type, dst, off);
  if (mode === Mode.Mem) return `*${target} = r${src}`;
  if (mode !== Mode.Atomic) return bug(instruction);
  if (imm === AtomicOp.LoadAcquire) return `r${dst} = load_acquire(${memory(type, src, off)})`;
  if (imm === AtomicOp.StoreRelease) return `store_release(${target}, r${src})`;
  if (size !== Size.W && size !== Size.DW) return bug(instruction);
  const prefix = size === Size.DW ? "atomic64" : "atomic";
  if (imm === AtomicOp.Xchg) return `r${src} = ${prefix}_xchg(${target}, r${src})`;
  if (imm === AtomicOp.Cmpxchg) return `r0 = ${prefix}_cmpxchg(${target}, r0, r${src})`;
  const name = fetchNames[imm & ~atomicFetchFlag];
  if (name === undefined) return bug(instruction);
  if ((imm & atomicFetchFlag) === 0) return `lock *${target} ${aluSymbols[imm]} r${src}`;
  return `r${src} = ${prefix}_fetch_${name}(${target}, r${src})`;
}
