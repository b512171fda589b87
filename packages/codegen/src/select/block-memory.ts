/** Selection of memcpy, memmove and memset of constant length as loads and stores. */

import { initialBytes } from "../emit/initializer.ts";
import { storeSize } from "../ir/data-layout.ts";
import type { CallInstruction } from "../ir/instruction.ts";
import type { IrGlobal } from "../ir/module.ts";
import type { Attributes, Value } from "../ir/value.ts";
import type { Address } from "./address.ts";
import { alignmentOf, rootOf } from "./address.ts";
import { integerValue } from "./constants.ts";
import { addressFor } from "./gep.ts";
import type { Piece } from "./memory.ts";
import { emitLoad, emitStore, piecesOf, storeConstant } from "./memory.ts";
import { Refusal } from "./refuse.ts";
import type { Selector } from "./selector.ts";
import { registerFor } from "./values.ts";

/** Most stores one call may become, as in LLVM's BPF target. */
const maxStores = 128;

/** Selects `memcpy` and `memmove`. */
export function selectMemoryCopy(s: Selector, insn: CallInstruction, mayOverlap: boolean): void {
  const [to, from] = insn.args as [Value, Value];
  const size = lengthOf(s, insn, mayOverlap ? "memmove" : "memcpy");
  if (size === 0) return;
  const volatile = integerValue(insn.args[3]!) === 1n;
  const fromAlign = alignOfArgument(s, insn, 1, from, size);
  const toAlign = alignOfArgument(s, insn, 0, to, size);
  const bytes = volatile ? undefined : constantBytes(s, from, size);
  const target = addressFor(s, to);
  if (bytes !== undefined) {
    for (const piece of checkedPieces(s, size, toAlign, "memcpy")) {
      storeConstant(s, target, piece, littleEndian(bytes, piece));
    }
    return;
  }
  const source = addressFor(s, from);
  const pieces = checkedPieces(s, size, Math.min(fromAlign, toAlign), mayOverlap ? "memmove" : "memcpy");
  if (mayOverlap && !areDistinct(s, to, from)) {
    const loaded = pieces.map((piece) => emitLoad(s, source, piece, volatile));
    pieces.forEach((piece, index) => {
      emitStore(s, target, piece, loaded[index]!, volatile);
    });
    return;
  }
  for (const piece of pieces) emitStore(s, target, piece, emitLoad(s, source, piece, volatile), volatile);
}

/** Selects `memset`. */
export function selectMemorySet(s: Selector, insn: CallInstruction): void {
  const [to, value] = insn.args as [Value, Value];
  const size = lengthOf(s, insn, "memset");
  if (size === 0) return;
  const pieces = checkedPieces(s, size, alignOfArgument(s, insn, 0, to, size), "memset");
  const target: Address = addressFor(s, to);
  const byte = integerValue(value);
  if (byte !== undefined) {
    for (const piece of pieces) storeConstant(s, target, piece, (byte & 0xffn) * 0x0101_0101_0101_0101n);
    return;
  }
  // Spread the byte over eight by a multiplication.
  const low = s.aluImmediate("and", 64, registerFor(s, value), 0xff);
  const widest = Math.max(...pieces.map((piece) => piece.size));
  const factor = BigInt.asUintN(widest * 8, 0x0101_0101_0101_0101n);
  const spread = widest === 1 ? low : s.alu("mul", 64, low, { register: s.constant(factor), imm: 0 });
  for (const piece of pieces) emitStore(s, target, piece, spread, false);
}

function lengthOf(s: Selector, insn: CallInstruction, name: string): number {
  const length = integerValue(insn.args[2]!);
  if (length === undefined) {
    throw s.refuse(
      Refusal.MemoryFunction,
      `${name} with a length known only at run time`,
      "Use a constant length or a loop; BPF programs have no C library.",
    );
  }
  return Number(length > 0xffff_ffffn ? 0xffff_ffffn : length);
}

function checkedPieces(s: Selector, size: number, align: number, name: string): Piece[] {
  if (size / Math.min(8, align) > maxStores) {
    throw s.refuse(
      Refusal.MemoryFunction,
      `${name} of ${size} bytes at alignment ${align} takes more than ${maxStores} stores`,
      "Copy less, align the data to 8 bytes, or use a loop.",
    );
  }
  return piecesOf(size, align);
}

function alignOfArgument(
  s: Selector,
  insn: CallInstruction,
  index: number,
  pointer: Value,
  size: number,
): number {
  raiseSlotAlignment(s, pointer, size);
  return alignmentOf(s, pointer, statedAlign(insn.argumentAttributes[index]));
}

function statedAlign(attributes: Attributes | undefined): number {
  const align = attributes?.get("align");
  return typeof align === "number" && align > 0 ? align : 1;
}

/** A variable on the stack that is filled as a whole gets the alignment that makes this cheap. */
function raiseSlotAlignment(s: Selector, pointer: Value, size: number): void {
  const { root, offset } = rootOf(pointer);
  const index = s.slots.get(root);
  const slot = index === undefined ? undefined : s.machine.slots[index];
  if (slot === undefined || index === undefined || offset !== 0 || slot.align >= 8) return;
  const wanted = size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
  if (wanted > slot.align) s.machine.slots[index] = { ...slot, align: wanted };
}

/** The bytes of a constant global, where the source is one. */
function constantBytes(s: Selector, pointer: Value, size: number): Uint8Array | undefined {
  const { root, offset } = rootOf(pointer);
  if (root.kind !== "global" || !isKnownConstant(root) || offset < 0) return undefined;
  if (offset + size > storeSize(root.valueType)) return undefined;
  const { bytes, references } = initialBytes(s.module, root);
  if (references.length > 0) return undefined;
  return bytes.subarray(offset, offset + size);
}

function isKnownConstant(global: IrGlobal): boolean {
  const fixed =
    global.linkage === "private" || global.linkage === "internal" || global.linkage === "external";
  return global.constant && global.initializer !== undefined && fixed;
}

function littleEndian(bytes: Uint8Array, piece: Piece): bigint {
  let content = 0n;
  for (let index = piece.size - 1; index >= 0; index--) {
    content = (content << 8n) | BigInt(bytes[piece.offset + index] ?? 0);
  }
  return content;
}

/** True where the two pointers surely point into different objects. */
function areDistinct(s: Selector, first: Value, second: Value): boolean {
  const left = rootOf(first).root;
  const right = rootOf(second).root;
  const isObject = (value: Value): boolean => s.slots.has(value) || value.kind === "global";
  return left !== right && isObject(left) && isObject(right);
}
