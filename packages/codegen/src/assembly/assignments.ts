/** Instructions that start with the register they write: arithmetic, moves, loads, atomics with a result. */
import type { Instruction } from "@bpfkit/elf/isa";
import { AluOp, AtomicOp, Class, loadImm64Opcode, Mode, Size, Source } from "@bpfkit/elf/isa";
import type { AsmReader, AsmValue } from "./expression.ts";
import { parseExpression } from "./expression.ts";
import type { AsmItem } from "./item.ts";
import { aluClass, assignments, insnOf } from "./item.ts";
import type { AsmRegister } from "./operands.ts";
import {
  accessType,
  baseAndOffset,
  constant,
  fitted,
  immediate,
  place,
  register,
  registerAt,
  registerOf,
} from "./operands.ts";

/** Reads a statement that starts with a register. */
export function parseAssignment(reader: AsmReader): AsmItem {
  const dst = register(reader);
  if (reader.accept("=")) return parseValue(reader, dst);
  const signed = reader.accept("s");
  const symbol = signed && reader.peek() === ">>=" ? `s${reader.next()}` : reader.next();
  const operation = assignments[symbol];
  const divides = operation === AluOp.Div || operation === AluOp.Mod;
  if (operation === undefined || (signed && symbol !== "s>>=" && !divides)) throw reader.error();
  const off = signed && divides ? 1 : 0;
  const opcode = aluClass(dst.letter) | operation;
  if (registerAt(reader) === undefined) {
    return { insn: insnOf(opcode | Source.K, { dst: dst.number, off, imm: immediate(reader) }) };
  }
  return { insn: insnOf(opcode | Source.X, { dst: dst.number, off, src: registerOf(reader, dst.letter) }) };
}

/** What stands to the right of `=`. */
function parseValue(reader: AsmReader, dst: AsmRegister): AsmItem {
  const insn = simpleMove(reader, dst) ?? load(reader, dst) ?? call(reader, dst);
  return insn === undefined ? constantMove(reader, dst) : { insn };
}

function simpleMove(reader: AsmReader, dst: AsmRegister): Instruction | undefined {
  const alu = aluClass(dst.letter);
  const move = alu | AluOp.Mov | Source.X;
  if (registerAt(reader) !== undefined) {
    return insnOf(move, { dst: dst.number, src: registerOf(reader, dst.letter) });
  }
  if (reader.peek() === "-" && registerAt(reader, 1) !== undefined) {
    reader.at++;
    if (registerOf(reader, dst.letter) !== dst.number) throw reader.error("both registers must be the same");
    return insnOf(alu | AluOp.Neg, { dst: dst.number });
  }
  const swap = /^(be|le|bswap)(16|32|64)$/.exec(reader.peek());
  if (swap !== null) {
    reader.at++;
    if (registerOf(reader, "r") !== dst.number) throw reader.error("both registers must be the same");
    const family = swap[1] === "bswap" ? Class.Alu64 : Class.Alu;
    const source = swap[1] === "be" ? Source.X : Source.K;
    return insnOf(family | AluOp.End | source, { dst: dst.number, imm: Number(swap[2]) });
  }
  const extended = /^s(8|16|32)$/.exec(reader.peek(1));
  if (reader.peek() === "(" && extended !== null && reader.peek(2) === ")") {
    reader.at += 3;
    if (dst.letter === "w" && extended[1] === "32") throw reader.error("a w register has 32 bits");
    const src = registerOf(reader, dst.letter);
    return insnOf(move, { dst: dst.number, src, off: Number(extended[1]) });
  }
  return undefined;
}

function load(reader: AsmReader, dst: AsmRegister): Instruction | undefined {
  if (!reader.accept("*")) return undefined;
  const start = reader.at;
  const type = accessType(reader);
  if (reader.acceptAll("skb", "[")) return packetLoad(reader, dst, type.size);
  reader.at = start;
  const { size, signed, base, off } = place(reader);
  if (signed ? size === Size.DW : dst.letter === "w" && size === Size.DW)
    throw reader.error("8 bytes go into an r register, and have no sign");
  const mode = signed ? Mode.MemSx : Mode.Mem;
  return insnOf(Class.Ldx | mode | size, { dst: dst.number, src: base, off });
}

/** `*(u8 *)skb[12]`, `skb[r1]`, `skb[r1 + 12]`. */
function packetLoad(reader: AsmReader, dst: AsmRegister, size: number): Instruction {
  if (dst.number !== 0 || size === Size.DW) throw reader.error("packet data goes into r0, 4 bytes at most");
  if (registerAt(reader) === undefined) {
    const imm = immediate(reader);
    reader.expect("]");
    return insnOf(Class.Ld | Mode.Abs | size, { imm });
  }
  const src = registerOf(reader, "r");
  const imm = reader.peek() === "]" ? 0 : immediate(reader);
  reader.expect("]");
  return insnOf(Class.Ld | Mode.Ind | size, { src, imm });
}

/** Atomics of LLVM's spelling and of the verifier's, and casts of address spaces. */
function call(reader: AsmReader, dst: AsmRegister): Instruction | undefined {
  const name = reader.peek();
  if (reader.peek(1) !== "(") return undefined;
  const fetch = /^atomic(?:64)?_fetch_(add|or|and|xor)$/.exec(name)?.[1];
  if (fetch !== undefined) {
    const operations = {
      add: AtomicOp.FetchAdd,
      or: AtomicOp.FetchOr,
      and: AtomicOp.FetchAnd,
      xor: AtomicOp.FetchXor,
    };
    return withResult(reader, dst, operations[fetch as keyof typeof operations], undefined);
  }
  switch (name) {
    case "xchg_64":
      return withResult(reader, dst, AtomicOp.Xchg, Size.DW);
    case "xchg32_32":
      return withResult(reader, dst, AtomicOp.Xchg, Size.W);
    case "atomic_xchg":
    case "atomic64_xchg":
      return withResult(reader, dst, AtomicOp.Xchg, undefined);
    case "cmpxchg_64":
      return exchange(reader, dst, Size.DW);
    case "cmpxchg32_32":
      return exchange(reader, dst, Size.W);
    case "atomic_cmpxchg":
    case "atomic64_cmpxchg":
      return exchange(reader, dst, undefined);
    case "load_acquire": {
      reader.at += 2;
      const { size, base, off } = place(reader);
      reader.expect(")");
      return insnOf(Class.Stx | Mode.Atomic | size, {
        dst: dst.number,
        src: base,
        off,
        imm: AtomicOp.LoadAcquire,
      });
    }
    case "addr_space_cast":
      return castSpace(reader, dst);
    default:
      return undefined;
  }
}

/** The place of an atomic operation: typed, or of a size that its name says. */
function atomicPlace(
  reader: AsmReader,
  size: number | undefined,
): { size: number; base: number; off: number } {
  reader.at += 2;
  const found = size === undefined ? place(reader) : { size, ...baseAndOffset(reader) };
  if (found.size !== Size.W && found.size !== Size.DW) throw reader.error("atomics take 4 or 8 bytes");
  reader.expect(",");
  return found;
}

function withResult(
  reader: AsmReader,
  dst: AsmRegister,
  operation: number,
  size: number | undefined,
): Instruction {
  const where = atomicPlace(reader, size);
  const src = register(reader);
  if (src.number !== dst.number) throw reader.error("the old value comes back in the same register");
  reader.expect(")");
  const { base, off } = where;
  return insnOf(Class.Stx | Mode.Atomic | where.size, { dst: base, src: src.number, off, imm: operation });
}

function exchange(reader: AsmReader, dst: AsmRegister, size: number | undefined): Instruction {
  const where = atomicPlace(reader, size);
  const expected = register(reader);
  reader.expect(",");
  const src = register(reader);
  reader.expect(")");
  if (dst.number !== 0 || expected.number !== 0)
    throw reader.error("the expected and the old value are in r0");
  const { base, off } = where;
  return insnOf(Class.Stx | Mode.Atomic | where.size, {
    dst: base,
    src: src.number,
    off,
    imm: AtomicOp.Cmpxchg,
  });
}

function castSpace(reader: AsmReader, dst: AsmRegister): Instruction {
  reader.at += 2;
  const src = registerOf(reader, "r");
  const spaces = [0, 0].map(() => {
    reader.expect(",");
    return fitted(reader, constant(reader, parseExpression(reader)), 0n, 0xffffn);
  });
  reader.expect(")");
  const [to = 0, from = 0] = spaces;
  return insnOf(Class.Alu64 | AluOp.Mov | Source.X, { dst: dst.number, src, off: 1, imm: (to << 16) | from });
}

/** `r1 = 5`, `r1 = 0x100000000 ll`, `r1 = map ll`. */
function constantMove(reader: AsmReader, dst: AsmRegister): AsmItem {
  const value: AsmValue = parseExpression(reader);
  if (!reader.accept("ll")) {
    const number = fitted(reader, constant(reader, value), -0x8000_0000n, 0xffff_ffffn);
    return { insn: insnOf(aluClass(dst.letter) | AluOp.Mov | Source.K, { dst: dst.number, imm: number }) };
  }
  if (dst.letter === "w") throw reader.error("8 bytes go into an r register");
  const fields = { dst: dst.number };
  if (value.symbol !== undefined) {
    const symbol = { kind: "address", name: value.symbol, addend: Number(value.number) } as const;
    return { insn: insnOf(loadImm64Opcode, fields), symbol };
  }
  const fits =
    BigInt.asUintN(64, value.number) === value.number || BigInt.asIntN(64, value.number) === value.number;
  if (!fits) throw reader.error("the number has more than 64 bits");
  const content = BigInt.asUintN(64, value.number);
  const imm = Number(BigInt.asIntN(32, content));
  return {
    insn: insnOf(loadImm64Opcode, { ...fields, imm, immHigh: Number(BigInt.asIntN(32, content >> 32n)) }),
  };
}
