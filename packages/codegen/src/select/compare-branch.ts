/** Selection of comparisons and branches: comparisons fuse with the branches and selects that use them. */
import type { BasicBlock } from "../ir/function.ts";
import type {
  BinaryInstruction,
  CompareInstruction,
  ConditionalBranchInstruction,
  Instruction,
  SelectInstruction,
} from "../ir/instruction.ts";
import type { Value } from "../ir/value.ts";
import type { MachineBlock } from "../machine/machine-function.ts";
import type { Condition } from "../machine/machine-instruction.ts";
import { invertCondition, swapCondition } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import { rootOf, symbolOf } from "./address.ts";
import { exchangeParts, isExchangeSuccess } from "./atomic.ts";
import { integerValue } from "./constants.ts";
import { zeroExtend } from "./extend.ts";
import type { Operand, Selector } from "./selector.ts";
import type { Extension } from "./values.ts";
import { addressForPhi, extendedOperand, extendedRegister, registerFor } from "./values.ts";

/** Where a condition leads. */
interface Ways {
  readonly ifTrue: MachineBlock;
  readonly ifFalse: MachineBlock;
}

/** True where the value is decided by a branch at each of its uses, so that it needs no register. */
export function isFused(s: Selector, value: Instruction): boolean {
  if (isLogical(value)) return splits(s, value);
  if (value.opcode !== "icmp" && !isExchangeSuccess(value)) return false;
  const users = s.users.get(value) ?? [];
  return users.every((user) => usesAsCondition(s, user, value));
}

function usesAsCondition(s: Selector, user: Instruction, value: Value): boolean {
  switch (user.opcode) {
    case "condbr":
      return true;
    case "select":
      if (user.ifTrue === value || user.ifFalse === value) {
        return user.type.kind === "integer" && user.type.bits === 1 && isLogical(user) && splits(s, user);
      }
      return true;
    default:
      return isLogical(user) && splits(s, user);
  }
}

type LogicalInstruction = BinaryInstruction | SelectInstruction;

/** `and`, `or`, `xor true` of conditions, or selects that mean them. */
function isLogical(value: Value): value is LogicalInstruction {
  if (value.kind !== "instruction" || value.type.kind !== "integer" || value.type.bits !== 1) return false;
  switch (value.opcode) {
    case "and":
    case "or":
      return true;
    case "xor":
      return integerValue(value.rhs) === 1n;
    case "select":
      return integerValue(value.ifFalse) === 0n || integerValue(value.ifTrue) === 1n;
    default:
      return false;
  }
}

/** True where a logical operation is expanded into branches: its only use is a branch in the same block. */
function splits(s: Selector, value: Instruction): boolean {
  let current = value;
  for (let depth = 0; depth < 32; depth++) {
    const users = s.users.get(current) ?? [];
    const user = users[0];
    if (users.length !== 1 || user === undefined) return false;
    if (!sameBlock(s, current, user)) return false;
    if (user.opcode === "condbr") return true;
    if (user.opcode === "select" && user.condition === current && !isLogical(user)) return true;
    if (!isLogical(user)) return false;
    current = user;
  }
  return false;
}

function sameBlock(s: Selector, first: Instruction, second: Instruction): boolean {
  return s.blockOf(first) === s.blockOf(second);
}

/** Appends branches on a condition; ends the current block. */
export function branchOn(s: Selector, condition: Value, ifTrue: MachineBlock, ifFalse: MachineBlock): void {
  const work: { condition: Value; ways: Ways; start: MachineBlock | undefined }[] = [
    { condition, ways: { ifTrue, ifFalse }, start: undefined },
  ];
  while (work.length > 0) {
    const { condition: value, ways, start } = work.pop()!;
    if (start !== undefined) s.startBlock(start, s.block);
    const parts = logicalParts(s, value, ways);
    if (parts === undefined) {
      branchOnOne(s, value, ways);
      continue;
    }
    if (parts.second !== undefined) work.push(parts.second);
    work.push({ ...parts.first, start: undefined });
  }
}

interface Part {
  readonly condition: Value;
  readonly ways: Ways;
}

/** How a logical operation splits into two branches; undefined where it is a plain condition. */
function logicalParts(
  s: Selector,
  value: Value,
  { ifTrue, ifFalse }: Ways,
): { first: Part; second: (Part & { start: MachineBlock }) | undefined } | undefined {
  if (!isLogical(value) || !splits(s, value) || s.known(value) !== undefined) return undefined;
  if (value.opcode === "xor") {
    return { first: { condition: value.lhs, ways: { ifTrue: ifFalse, ifFalse: ifTrue } }, second: undefined };
  }
  let left: Value;
  let right: Value;
  let isAnd: boolean;
  if (value.opcode === "select") {
    left = value.condition;
    isAnd = integerValue(value.ifFalse) === 0n;
    right = isAnd ? value.ifTrue : value.ifFalse;
  } else if (value.opcode === "and" || value.opcode === "or") {
    left = value.lhs;
    right = value.rhs;
    isAnd = value.opcode === "and";
  } else return undefined;
  const start = s.machine.newBlock();
  const ways = isAnd ? { ifTrue: start, ifFalse } : { ifTrue, ifFalse: start };
  return {
    first: { condition: left, ways },
    second: { condition: right, ways: { ifTrue, ifFalse }, start },
  };
}

function branchOnOne(s: Selector, value: Value, { ifTrue, ifFalse }: Ways): void {
  const constant = integerValue(value);
  if (constant !== undefined) {
    s.emit("goto", { target: (constant & 1n) === 1n ? ifTrue : ifFalse });
    return;
  }
  if (value.kind === "instruction" && s.known(value) === undefined) {
    if (value.opcode === "icmp") {
      branchOnCompare(s, value, ifTrue, ifFalse);
      return;
    }
    if (isExchangeSuccess(value)) {
      const { old, expected, width } = exchangeParts(s, value);
      emitBranch(s, "eq", width, old, expected, ifTrue, ifFalse);
      return;
    }
  }
  const width = s.classOf(1);
  const bit = zeroExtend(s, registerFor(s, value), 1, width);
  emitBranch(s, "ne", width, bit, { register: noRegister, imm: 0 }, ifTrue, ifFalse);
}

function branchOnCompare(
  s: Selector,
  insn: CompareInstruction,
  ifTrue: MachineBlock,
  ifFalse: MachineBlock,
): void {
  const bits = s.bitsOf(insn.lhs.type);
  const width = s.classOf(bits);
  let left = insn.lhs;
  let right = insn.rhs;
  let condition: Condition = insn.predicate;
  if (integerValue(left) !== undefined && integerValue(right) === undefined) {
    [left, right] = [right, left];
    condition = swapCondition(condition);
  }
  const how = extensionOf(condition, bits, width, right);
  const a = extendedRegister(s, left, width, how);
  const b = extendedOperand(s, right, width, how);
  emitBranch(s, condition, width, a, b, ifTrue, ifFalse);
}

function extensionOf(condition: Condition, bits: number, width: 32 | 64, right: Value): Extension {
  if (condition.startsWith("s")) return "sign";
  if (condition !== "eq" && condition !== "ne") return "zero";
  const number = integerValue(right);
  // A constant whose zero-extension is no 32-bit immediate costs a register: compare sign-extended instead.
  return bits === 32 && width === 64 && number !== undefined && number >= 0x8000_0000n ? "sign" : "zero";
}

/** Appends `if (a condition b) goto ifTrue; goto ifFalse` with what the instruction set has. */
export function emitBranch(
  s: Selector,
  wanted: Condition,
  width: 32 | 64,
  a: Register,
  b: Operand,
  ifTrue: MachineBlock,
  ifFalse: MachineBlock,
): void {
  let condition = wanted;
  let [target, other] = [ifTrue, ifFalse];
  let [left, right] = [a, b.register];
  if (!s.features.lessThanJumps && isLessThan(condition)) {
    if (right === noRegister) {
      condition = invertCondition(condition);
      [target, other] = [other, target];
    } else {
      condition = swapCondition(condition);
      [left, right] = [right, left];
    }
  }
  s.emit("branch", { operation: condition, width, a: left, b: right, imm: b.imm, target });
  s.emit("goto", { target: other });
}

/** The comparisons that v1 lacks. */
export function isLessThan(condition: Condition): boolean {
  return condition === "ult" || condition === "ule" || condition === "slt" || condition === "sle";
}

/** Selects `br` on a condition. */
export function selectConditionalBranch(s: Selector, insn: ConditionalBranchInstruction): void {
  const ifTrue = entryOf(s, insn.ifTrue);
  const ifFalse = entryOf(s, insn.ifFalse);
  if (ifTrue === ifFalse) s.emit("goto", { target: ifTrue });
  else branchOn(s, insn.condition, ifTrue, ifFalse);
}

/** The machine block an IR block starts with. */
export function entryOf(s: Selector, block: BasicBlock): MachineBlock {
  return s.entries.get(block)!;
}

/** Selects `icmp` whose result is needed as a number. */
export function selectCompare(s: Selector, insn: CompareInstruction): void {
  if (!isFused(s, insn)) materialise(s, insn);
}

/** Sets a register to 0 or 1 by a condition. */
export function materialise(s: Selector, insn: Instruction): void {
  const one = s.constantForPhi(1n);
  const dst = s.machine.newRegister(1);
  const otherwise = s.machine.newBlock();
  const join = s.machine.newBlock();
  const before = s.machine.blocks.length - 1;
  const head = s.block;
  branchOn(s, insn, join, otherwise);
  const direct = joiningBlocks(s, before, join);
  s.startBlock(otherwise, head);
  const zero = s.constantForPhi(0n);
  s.emit("goto", { target: join });
  s.startBlock(join, head);
  join.phis.push({
    dst,
    incoming: [...direct.map((block) => ({ block, register: one })), { block: otherwise, register: zero }],
  });
  s.define(insn, dst);
}

/** The blocks from index `from` on that jump to `join`. */
function joiningBlocks(s: Selector, from: number, join: MachineBlock): MachineBlock[] {
  const { blocks } = s.machine;
  const found: MachineBlock[] = [];
  for (let index = Math.max(0, from); index < blocks.length; index++) {
    if (blocks[index]!.instructions.some((insn) => insn.target === join)) found.push(blocks[index]!);
  }
  return found;
}

/** Selects a select, together with those right after it that have the same condition, as a branch around moves. */
export function selectSelect(s: Selector, insn: SelectInstruction): void {
  if (isLogical(insn) && splits(s, insn)) return;
  const constant = integerValue(insn.condition);
  if (constant !== undefined) {
    s.define(insn, registerFor(s, (constant & 1n) === 1n ? insn.ifTrue : insn.ifFalse));
    return;
  }
  const group = selectGroup(s, insn);
  // The way without moves keeps registers as they are: give it a value that may share the result's register.
  const swap = isMadeAnywhere(s, insn.ifTrue) && !isMadeAnywhere(s, insn.ifFalse);
  const direct = group.map((one) => operand(s, swap ? one.ifFalse : one.ifTrue));
  const moved = group.map((one) => (swap ? one.ifTrue : one.ifFalse));
  const movedRegisters = moved.map((value) =>
    isMadeAnywhere(s, value) ? noRegister : registerFor(s, value),
  );
  const around = s.machine.newBlock();
  const join = s.machine.newBlock();
  const before = s.machine.blocks.length - 1;
  const head = s.block;
  if (swap) branchOn(s, insn.condition, around, join);
  else branchOn(s, insn.condition, join, around);
  const joining = joiningBlocks(s, before, join);
  s.startBlock(around, head);
  const late = moved.map((value, index) =>
    movedRegisters[index] === noRegister ? operand(s, value) : movedRegisters[index]!,
  );
  s.emit("goto", { target: join });
  s.startBlock(join, head);
  group.forEach((one, index) => {
    const dst = s.machine.newRegister();
    const incoming = joining.map((block) => ({ block, register: direct[index]! }));
    join.phis.push({ dst, incoming: [...incoming, { block: around, register: late[index]! }] });
    s.define(one, dst);
    s.done.add(one);
  });
}

function operand(s: Selector, value: Value): Register {
  const constant = integerValue(value);
  if (constant !== undefined) return s.constantForPhi(constant);
  return isMadeAnywhere(s, value) ? addressForPhi(s, value) : registerFor(s, value);
}

/** True for constants and addresses of globals and frame slots, which need no register before they are moved. */
function isMadeAnywhere(s: Selector, value: Value): boolean {
  if (integerValue(value) !== undefined) return true;
  const { root } = rootOf(value);
  return s.slots.has(root) || symbolOf(root) !== undefined;
}

function selectGroup(s: Selector, first: SelectInstruction): SelectInstruction[] {
  const { instructions } = s.irBlock;
  const group = [first];
  for (let index = s.position + 1; index < instructions.length; index++) {
    const next = instructions[index]!;
    if (next.opcode !== "select" || next.condition !== first.condition) break;
    if (isLogical(next) && splits(s, next)) break;
    if (group.some((one) => one === next.ifTrue || one === next.ifFalse)) break;
    group.push(next);
  }
  return group;
}
