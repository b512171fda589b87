/**
 * Switches over powers of two, back to what the C said. LLVM 20 and later ask `ctpop(x) == 1` and switch over `cttz(x)`; BPF has
 * no instruction for either. (LLVM: simplifySwitchOfPowersOfTwo in SimplifyCFG, which asks the target's costs.)
 */
import type {
  BasicBlock,
  CallInstruction,
  Instruction,
  IrFunction,
  SwitchInstruction,
  Value,
} from "../ir/index.ts";
import { bitWidth, intOf, successorsOf, terminatorOf } from "../ir/index.ts";
import { intrinsicName } from "./intrinsics.ts";

/** The parts of such a switch. */
interface PowerSwitch {
  /** Ends with the test for a power of two. */
  readonly head: BasicBlock;
  /** Has nothing but the count of zeros and the switch. */
  readonly body: BasicBlock;
  readonly instruction: SwitchInstruction;
  readonly value: Value;
  /** Where all other values lead, from both blocks. */
  readonly other: BasicBlock;
}

/** Restores all such switches of a function. Blocks that lose their way in stay: they can no longer be reached. */
export function restorePowerSwitches(fn: IrFunction): void {
  const ways = new Map<BasicBlock, number>();
  for (const block of fn.blocks) {
    const terminator = terminatorOf(block);
    for (const successor of terminator === undefined ? [] : successorsOf(terminator))
      ways.set(successor, (ways.get(successor) ?? 0) + 1);
  }
  for (const head of fn.blocks) {
    const found = match(head, ways);
    if (found !== undefined) restore(found);
  }
}

function match(head: BasicBlock, ways: ReadonlyMap<BasicBlock, number>): PowerSwitch | undefined {
  const branch = terminatorOf(head);
  if (branch?.opcode !== "condbr" || branch.ifTrue === branch.ifFalse) return undefined;
  const { condition, ifTrue: body, ifFalse: other } = branch;
  if (condition.kind !== "instruction" || condition.opcode !== "icmp" || condition.predicate !== "eq")
    return undefined;
  const [count, one] = [callOf(condition.lhs, "ctpop"), condition.rhs];
  if (count === undefined || one.kind !== "int" || one.value !== 1n) return undefined;
  const last = terminatorOf(body);
  const value = count.args[0]!;
  if (last?.opcode !== "switch" || ways.get(body) !== 1) return undefined;
  const zeros = callOf(last.value, "cttz");
  if (zeros?.args[0] !== value || body.instructions.some((each) => each !== zeros && each !== last))
    return undefined;
  const bits = BigInt(bitWidth(value.type));
  if (last.cases.some((each) => each.target === other || each.value.value >= bits)) return undefined;
  if (!isElsewhere(last.defaultTarget, other)) return undefined;
  if (last.defaultTarget === other && !bringSame(other, head, body)) return undefined;
  return { head, body, instruction: last, value, other };
}

function callOf(value: Value, name: string): CallInstruction | undefined {
  if (value.kind !== "instruction" || value.opcode !== "call" || value.callee.kind !== "function")
    return undefined;
  return intrinsicName(value.callee.name) === name ? value : undefined;
}

/** True where the switch's other values go where those go that are no powers of two, or nowhere. */
function isElsewhere(target: BasicBlock, other: BasicBlock): boolean {
  return target === other || terminatorOf(target)?.opcode === "unreachable";
}

function bringSame(target: BasicBlock, head: BasicBlock, body: BasicBlock): boolean {
  return target.instructions.every((each) => {
    if (each.opcode !== "phi") return true;
    const first = each.incoming.find(({ block }) => block === head)?.value;
    const second = each.incoming.find(({ block }) => block === body)?.value;
    return first !== undefined && second !== undefined && isSame(first, second);
  });
}

function isSame(first: Value, second: Value): boolean {
  return first === second || (first.kind === "int" && second.kind === "int" && first.value === second.value);
}

function restore({ head, body, instruction, value, other }: PowerSwitch): void {
  const bits = bitWidth(value.type);
  const branch = head.instructions.pop() as Instruction;
  const cases = instruction.cases.map((each) => ({
    value: intOf(bits, 1n << each.value.value),
    target: each.target,
  }));
  head.instructions.push({
    ...instruction,
    debugLocation: branch.debugLocation,
    value,
    cases,
    defaultTarget: other,
  });
  for (const target of new Set(instruction.cases.map((each) => each.target))) {
    for (const phi of target.instructions) {
      if (phi.opcode !== "phi") break;
      for (const way of phi.incoming) if (way.block === body) way.block = head;
    }
  }
  body.instructions = [];
}
