/** Selection of loads, stores and allocas. Accesses with less than natural alignment are split: BPF refuses them. */
import { sizeOf, storeSize } from "../ir/data-layout.ts";
import type { AllocaInstruction, LoadInstruction, StoreInstruction } from "../ir/instruction.ts";
import type { IrGlobal } from "../ir/module.ts";
import type { Value } from "../ir/value.ts";
import type { AccessSize } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import type { Address } from "./address.ts";
import { alignmentOf } from "./address.ts";
import { orderedAccess } from "./atomic.ts";
import { fitsSigned16, fitsSigned32 } from "./bits.ts";
import { integerValue } from "./constants.ts";
import { zeroExtend } from "./extend.ts";
import { addressFor } from "./gep.ts";
import { Refusal, variableName } from "./refuse.ts";
import type { Selector } from "./selector.ts";
import { extendedRegister, registerFor } from "./values.ts";

/** True for the globals that stand for CO-RE relocations: `llvm.task_struct:0:1224$0:2`. */
export function isCoreGlobal(value: Value): value is IrGlobal {
  return (
    value.kind === "global" &&
    (value.attributes.has("btf_ama") || value.attributes.has("btf_type_id")) &&
    value.name.startsWith("llvm.")
  );
}

/** One aligned access of a wider one. */
export interface Piece {
  readonly offset: number;
  readonly size: AccessSize;
}

/** Splits `size` bytes at an address of this alignment into accesses that BPF can do, largest first. */
export function piecesOf(size: number, align: number): Piece[] {
  const pieces: Piece[] = [];
  let offset = 0;
  while (offset < size) {
    let piece = Math.min(8, align);
    if (offset > 0) piece = Math.min(piece, offset & -offset);
    while (piece > size - offset) piece /= 2;
    pieces.push({ offset, size: piece as AccessSize });
    offset += piece;
  }
  return pieces;
}

/** Selects a load. */
export function selectLoad(s: Selector, insn: LoadInstruction): void {
  if (isCoreGlobal(insn.pointer)) {
    const symbol = insn.pointer.name;
    const register = s.shared(`core ${symbol}`, () => {
      const dst = s.machine.newRegister(s.bitsOf(insn.type));
      s.emit("core-value", { dst, symbol });
      return dst;
    });
    s.define(insn, register);
    return;
  }
  const acquire = orderedAccess(s, insn.ordering, "acquire");
  const bits = s.bitsOf(insn.type);
  s.classOf(bits);
  const address = addressFor(s, insn.pointer);
  const pieces = piecesOf(storeSize(insn.type), alignmentOf(s, insn.pointer, insn.align));
  const volatile = insn.volatile || insn.ordering !== "notatomic";
  if (acquire) {
    s.define(insn, loadAcquire(s, insn, address, pieces));
    return;
  }
  if (pieces.length === 1 && isSignExtendingLoad(s, insn, bits)) {
    const register = emitLoad(s, address, pieces[0]!, volatile, true);
    s.signedLoads.set(register, bits);
    s.define(insn, register);
    return;
  }
  const register = loadPieces(s, address, pieces, volatile);
  const known = s.machine.significantBits;
  known[register] = Math.min(known[register] ?? 64, rangeBits(s, insn) ?? 64);
  s.define(insn, register);
}

/** One access, or none: an ordered load cannot be put together from pieces. */
function loadAcquire(
  s: Selector,
  insn: LoadInstruction,
  address: Address,
  pieces: readonly Piece[],
): Register {
  if (pieces.length > 1) throw s.refuse(Refusal.Atomic, "an atomic load wants its natural alignment");
  const dst = emitLoad(s, address, pieces[0]!, true);
  s.block.instructions[s.block.instructions.length - 1]!.fetch = true;
  const bits = s.bitsOf(insn.type);
  s.machine.significantBits[dst] = Math.max(bits, pieces[0]!.size * 8);
  return dst;
}

/** True where v4's loads do what all uses ask for; the extensions themselves go when bits are looked at. */
function isSignExtendingLoad(s: Selector, insn: LoadInstruction, bits: number): boolean {
  if (!s.features.v4 || (bits !== 8 && bits !== 16 && bits !== 32)) return false;
  const users = s.users.get(insn) ?? [];
  return users.length > 0 && users.every((user) => user.opcode === "sext");
}

/** Significant bits by `!range` metadata: `!{i8 0, i8 2}` says that a bool is 0 or 1. */
function rangeBits(s: Selector, insn: LoadInstruction): number | undefined {
  const range = insn.attachments.find((one) => one.name === "range");
  const node = range === undefined ? undefined : s.module.metadata.node(range.id);
  if (node?.kind !== "tuple" || node.elements.length !== 2) return undefined;
  const [low, high] = node.elements.map((one) =>
    one.kind === "constant" ? integerValue(one.value) : undefined,
  );
  // A range may wrap around; only [low, high) with low <= high bounds the value.
  if (low === undefined || high === undefined || high <= low) return undefined;
  return (high - 1n).toString(2).length;
}

/** Loads pieces and puts them together, a tree of halves so that it stays short. */
function loadPieces(s: Selector, address: Address, pieces: readonly Piece[], volatile: boolean): Register {
  let parts = pieces.map((piece) => ({
    register: emitLoad(s, address, piece, volatile),
    offset: piece.offset,
  }));
  const bytes = pieces.reduce((sum, piece) => sum + piece.size, 0);
  const width = s.classOf(bytes * 8);
  while (parts.length > 1) {
    const joined: typeof parts = [];
    for (let index = 0; index < parts.length; index += 2) {
      const low = parts[index]!;
      const high = parts[index + 1];
      if (high === undefined) joined.push(low);
      else {
        const raised = s.aluImmediate("shl", width, high.register, (high.offset - low.offset) * 8);
        const register = s.alu("or", width, raised, { register: low.register, imm: 0 });
        joined.push({ register, offset: low.offset });
      }
    }
    parts = joined;
  }
  return parts[0]!.register;
}

/** Appends one load; returns its register. */
export function emitLoad(
  s: Selector,
  address: Address,
  piece: Piece,
  volatile: boolean,
  signed = false,
): Register {
  const dst = s.machine.newRegister(signed ? 64 : piece.size * 8);
  const { register, offset } = reachable(s, address, piece.offset);
  s.emit("load", { dst, a: register, slot: address.slot, offset, size: piece.size, volatile, signed });
  return dst;
}

/** The address moved on; where the sum does not fit an instruction, the base is advanced first. */
function reachable(s: Selector, address: Address, extra: number): { register: Register; offset: number } {
  const offset = address.offset + extra;
  if (address.slot >= 0 || fitsSigned16(offset)) return { register: address.register, offset };
  return { register: s.aluImmediate("add", 64, address.register, offset), offset: 0 };
}

/** Selects a store. */
export function selectStore(s: Selector, insn: StoreInstruction): void {
  const release = orderedAccess(s, insn.ordering, "release");
  const bits = s.bitsOf(insn.value.type);
  s.classOf(bits);
  const address = addressFor(s, insn.pointer);
  const size = storeSize(insn.value.type);
  const pieces = piecesOf(size, alignmentOf(s, insn.pointer, insn.align));
  if (release && pieces.length > 1)
    throw s.refuse(Refusal.Atomic, "an atomic store wants its natural alignment");
  const constant = release ? undefined : integerValue(insn.value);
  if (constant !== undefined) {
    for (const piece of pieces) storeConstant(s, address, piece, constant >> BigInt(piece.offset * 8));
    return;
  }
  const whole = Number.isInteger(Math.log2(bits)) && bits >= 8;
  const value = whole
    ? registerFor(s, insn.value)
    : extendedRegister(s, insn.value, s.classOf(size * 8), "zero");
  const stored = whole ? value : zeroExtend(s, value, bits, s.classOf(size * 8));
  for (const piece of pieces) {
    const part = piece.offset === 0 ? stored : shifted(s, stored, piece.offset * 8, size * 8);
    emitStore(s, address, piece, part, insn.volatile || release);
  }
  if (release) s.block.instructions[s.block.instructions.length - 1]!.fetch = true;
}

function shifted(s: Selector, register: Register, by: number, bits: number): Register {
  return s.aluImmediate("lshr", s.classOf(bits), register, by);
}

/** Appends one store of a register's low bytes. */
export function emitStore(
  s: Selector,
  address: Address,
  piece: Piece,
  value: Register,
  volatile: boolean,
): void {
  const { register, offset } = reachable(s, address, piece.offset);
  s.emit("store", { a: register, b: value, slot: address.slot, offset, size: piece.size, volatile });
}

/** Appends one store of the low bytes of a number; in the instruction from v4 on, else through a register. */
export function storeConstant(s: Selector, address: Address, piece: Piece, content: bigint): void {
  const bits = piece.size * 8;
  const signed = BigInt.asIntN(bits, content);
  if (s.features.v4 && fitsSigned32(signed)) {
    const { register, offset } = reachable(s, address, piece.offset);
    const imm = Number(signed);
    s.emit("store", { a: register, b: noRegister, imm, slot: address.slot, offset, size: piece.size });
    return;
  }
  emitStore(s, address, piece, s.constant(BigInt.asUintN(bits, content)), false);
}

/** Gives a static alloca its place in the frame. */
export function selectAlloca(s: Selector, insn: AllocaInstruction): void {
  const count = integerValue(insn.count);
  if (count === undefined) {
    throw s.refuse(
      Refusal.VariableArray,
      "an array on the stack has a length that is not constant",
      "Give it a constant length, or use a map.",
    );
  }
  const size = sizeOf(insn.allocatedType) * Number(count);
  const slot = s.machine.newSlot({
    size,
    align: insn.align,
    name: variableName(s.module.metadata, insn.variable) ?? insn.name,
    isSpill: false,
    location: insn.variable ?? insn.debugLocation ?? -1,
  });
  s.slots.set(insn, slot);
}
