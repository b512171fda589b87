/** Jumps, calls and exit in assembly. */
import { Class, JumpOp, PseudoCall, Source } from "@bpfkit/elf/isa";
import type { AsmReader, AsmValue } from "./expression.ts";
import { parseExpression } from "./expression.ts";
import type { AsmItem, JumpField } from "./item.ts";
import { insnOf } from "./item.ts";
import { constant, fitted, immediate, register, registerAt, registerOf } from "./operands.ts";

const conditions: Readonly<Record<string, number>> = {
  "==": JumpOp.Jeq,
  "!=": JumpOp.Jne,
  ">": JumpOp.Jgt,
  ">=": JumpOp.Jge,
  "<": JumpOp.Jlt,
  "<=": JumpOp.Jle,
  "&": JumpOp.Jset,
};
const signedConditions: Readonly<Record<string, number>> = {
  ">": JumpOp.Jsgt,
  ">=": JumpOp.Jsge,
  "<": JumpOp.Jslt,
  "<=": JumpOp.Jsle,
};

/** Reads a statement that starts with a word of control flow; undefined for others. */
export function parseJump(reader: AsmReader): AsmItem | undefined {
  if (reader.accept("exit")) return { insn: insnOf(Class.Jmp | JumpOp.Exit, {}) };
  if (reader.accept("goto")) return jumpTo(reader, Class.Jmp | JumpOp.Ja, {}, "off");
  if (reader.accept("gotol")) return jumpTo(reader, Class.Jmp32 | JumpOp.Ja, {}, "imm");
  if (reader.accept("may_goto")) return jumpTo(reader, Class.Jmp | JumpOp.Jcond, {}, "off");
  if (reader.accept("call")) return parseCall(reader);
  if (reader.accept("callx")) {
    // LLVM keeps the register in the dst field since version 19.
    return { insn: insnOf(Class.Jmp | JumpOp.Call | Source.X, { dst: registerOf(reader, "r") }) };
  }
  return reader.accept("if") ? parseCondition(reader) : undefined;
}

function parseCondition(reader: AsmReader): AsmItem {
  const left = register(reader);
  const signed = reader.accept("s");
  const operation = (signed ? signedConditions : conditions)[reader.next()];
  if (operation === undefined) throw reader.error("its comparison is unknown");
  const family = left.letter === "w" ? Class.Jmp32 : Class.Jmp;
  const right = registerAt(reader) === undefined ? undefined : registerOf(reader, left.letter);
  const operand = right === undefined ? { imm: immediate(reader) } : { src: right };
  const opcode = family | operation | (right === undefined ? Source.K : Source.X);
  if (!reader.accept("goto")) throw reader.error('"goto" is missing');
  return jumpTo(reader, opcode, { dst: left.number, ...operand }, "off");
}

/** Reads a label, or a distance in instructions. */
function jumpTo(
  reader: AsmReader,
  opcode: number,
  fields: Parameters<typeof insnOf>[1],
  field: JumpField,
): AsmItem {
  const target: AsmValue = parseExpression(reader);
  if (target.symbol !== undefined) {
    if (target.number !== 0n) throw reader.error("a jump goes to a label without an offset");
    return { insn: insnOf(opcode, fields), jump: { label: target.symbol, field } };
  }
  const limit = field === "off" ? 0x8000n : 0x8000_0000n;
  const distance = fitted(reader, target.number, -limit, limit - 1n);
  return { insn: insnOf(opcode, { ...fields, [field]: distance }) };
}

/** A helper by number, or a function by name. */
function parseCall(reader: AsmReader): AsmItem {
  const target = parseExpression(reader);
  const opcode = Class.Jmp | JumpOp.Call;
  if (target.symbol === undefined) {
    const imm = fitted(reader, constant(reader, target), -0x8000_0000n, 0xffff_ffffn);
    return { insn: insnOf(opcode, { imm }) };
  }
  const symbol = { kind: "call", name: target.symbol, addend: Number(target.number) } as const;
  return { insn: insnOf(opcode, { src: PseudoCall.Local, imm: -1 }), symbol };
}
