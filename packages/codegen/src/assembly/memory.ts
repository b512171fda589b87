/** Stores and atomic operations without a result in assembly. */
import { AtomicOp, Class, Mode, Size, Source } from "@bpfkit/elf/isa";
import type { AsmReader } from "./expression.ts";
import { parseExpression } from "./expression.ts";
import type { AsmItem } from "./item.ts";
import { insnOf } from "./item.ts";
import { constant, fitted, immediate, place, register, registerAt, registerOf } from "./operands.ts";

const lockOperations: Readonly<Record<string, number>> = {
  "+=": AtomicOp.Add,
  "|=": AtomicOp.Or,
  "&=": AtomicOp.And,
  "^=": AtomicOp.Xor,
};

/** Reads a statement that starts with none of control flow's words. @throws BpfkitError EL205 */
export function parseMemoryStatement(reader: AsmReader): AsmItem {
  if (reader.accept("*")) return parseStore(reader);
  if (reader.acceptAll("lock", "*")) return parseLock(reader);
  if (reader.acceptAll("store_release", "(")) return parseRelease(reader);
  if (reader.accept("ld_pseudo")) return parsePseudo(reader);
  throw reader.error();
}

function parseStore(reader: AsmReader): AsmItem {
  const { size, signed, base, off } = place(reader);
  if (signed) throw reader.error("stores have no sign");
  reader.expect("=");
  if (registerAt(reader) === undefined) {
    return { insn: insnOf(Class.St | Mode.Mem | size, { dst: base, off, imm: immediate(reader) }) };
  }
  const src = valueRegister(reader, size);
  return { insn: insnOf(Class.Stx | Mode.Mem | size, { dst: base, off, src }) };
}

/** A register that is stored; what is 64 bits wide comes from an r register. */
function valueRegister(reader: AsmReader, size: number): number {
  const { letter, number } = register(reader);
  if (letter === "w" && size === Size.DW) throw reader.error("8 bytes come from an r register");
  return number;
}

function parseLock(reader: AsmReader): AsmItem {
  const { size, base, off } = place(reader);
  const operation = lockOperations[reader.next()];
  if (operation === undefined || (size !== Size.W && size !== Size.DW)) throw reader.error();
  const src = valueRegister(reader, size);
  return { insn: insnOf(Class.Stx | Mode.Atomic | size, { dst: base, off, src, imm: operation }) };
}

function parseRelease(reader: AsmReader): AsmItem {
  const { size, base, off } = place(reader);
  reader.expect(",");
  const src = valueRegister(reader, size);
  reader.expect(")");
  return {
    insn: insnOf(Class.Stx | Mode.Atomic | size, { dst: base, off, src, imm: AtomicOp.StoreRelease }),
  };
}

/** `ld_pseudo r1, 1, 7`: the two-slot load with its source field, which says what the number is. */
function parsePseudo(reader: AsmReader): AsmItem {
  const dst = registerOf(reader, "r");
  reader.expect(",");
  const src = fitted(reader, constant(reader, parseExpression(reader)), 0n, 15n);
  reader.expect(",");
  const value = BigInt.asUintN(64, constant(reader, parseExpression(reader)));
  const immHigh = Number(BigInt.asIntN(32, value >> 32n));
  const opcode = Class.Ld | Mode.Imm | Size.DW | Source.K;
  return { insn: insnOf(opcode, { dst, src, imm: Number(BigInt.asIntN(32, value)), immHigh }) };
}
