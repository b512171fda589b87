/** Checks that a parsed module makes sense, so that what follows can rely on it: types, blocks, definitions before uses. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BasicBlock, IrFunction } from "./function.ts";
import { terminatorOf } from "./function.ts";
import type { Instruction } from "./instruction.ts";
import { isTerminator, successorsOf } from "./instruction.ts";
import type { IrModule } from "./module.ts";
import { operandsOf } from "./operands.ts";
import { postorder } from "./postorder.ts";
import type { Value } from "./value.ts";
import { checkAlign, checkConstant, checkTypes } from "./verify-types.ts";

/** Most bytes of one variable: beyond this the object could not be written anyway. */
const maxVariableBytes = 1 << 30;

/** @throws BpfkitError CG004 naming the function or variable that is wrong, and how. */
export function verifyModule(module: IrModule): void {
  for (const global of module.globals) {
    if (global.initializer === undefined) continue;
    if (checkAlign(global.align ?? 1) !== undefined)
      throw invalid(`variable '@${global.name}'`, "wrong alignment");
    const problem = checkConstant(global.initializer, global.valueType, maxVariableBytes);
    if (problem !== undefined) throw invalid(`variable '@${global.name}'`, problem);
  }
  for (const fn of module.functions) {
    if (fn.blocks.length === 0) continue;
    const problem = checkFunction(fn);
    if (problem !== undefined) throw invalid(`function '@${fn.name}'`, problem);
  }
}

function invalid(what: string, problem: string): BpfkitError {
  return new BpfkitError("CG004", `invalid LLVM IR: ${what}: ${problem}`);
}

/** What is wrong with a function; undefined where nothing is. */
function checkFunction(fn: IrFunction): string | undefined {
  const predecessors = new Map<BasicBlock, Set<BasicBlock>>(fn.blocks.map((block) => [block, new Set()]));
  for (const block of fn.blocks) {
    const terminator = terminatorOf(block);
    if (terminator === undefined || !isTerminator(terminator)) return `block '${block.name}' has no end`;
    for (const next of successorsOf(terminator)) predecessors.get(next)?.add(block);
  }
  if ((predecessors.get(fn.blocks[0] as BasicBlock)?.size ?? 0) > 0) return "its first block is jumped to";
  for (const block of fn.blocks) {
    const problem = checkBlock(fn, block, predecessors.get(block) as ReadonlySet<BasicBlock>);
    if (problem !== undefined) return `block '${block.name}': ${problem}`;
  }
  return checkDominance(fn, predecessors);
}

function checkBlock(
  fn: IrFunction,
  block: BasicBlock,
  predecessors: ReadonlySet<BasicBlock>,
): string | undefined {
  let phisOver = false;
  const last = block.instructions.length - 1;
  for (const [index, instruction] of block.instructions.entries()) {
    if (isTerminator(instruction) && index !== last) return "it goes on after its end";
    if (instruction.opcode === "phi") {
      if (phisOver) return "a phi stands behind other instructions";
      const problem = checkPhi(instruction, predecessors);
      if (problem !== undefined) return problem;
    } else phisOver = true;
    const problem = checkTypes(instruction, fn);
    if (problem !== undefined) return `${instruction.opcode} '%${instruction.name}': ${problem}`;
  }
  return undefined;
}

function checkPhi(
  phi: Extract<Instruction, { opcode: "phi" }>,
  predecessors: ReadonlySet<BasicBlock>,
): string | undefined {
  const seen = new Map<BasicBlock, Value>();
  for (const { block, value } of phi.incoming) {
    if (!predecessors.has(block)) return `phi '%${phi.name}' names a block that does not come here`;
    const other = seen.get(block);
    if (other !== undefined && other !== value && !isSameConstant(other, value)) {
      return `phi '%${phi.name}' has two values for one block`;
    }
    seen.set(block, value);
  }
  return seen.size === predecessors.size ? undefined : `phi '%${phi.name}' lacks the value of a block`;
}

function isSameConstant(left: Value, right: Value): boolean {
  if (left.kind === "int" && right.kind === "int") return left.value === right.value;
  return left.kind === right.kind && left.kind !== "instruction" && left.kind !== "parameter";
}

/** Every use must be reached only through the definition. Blocks that nothing reaches are not looked at. */
function checkDominance(
  fn: IrFunction,
  predecessors: ReadonlyMap<BasicBlock, ReadonlySet<BasicBlock>>,
): string | undefined {
  const tree = dominatorTree(fn, predecessors);
  const places = new Map<Value, { readonly block: BasicBlock; readonly index: number }>();
  for (const block of fn.blocks) {
    for (const [index, each] of block.instructions.entries()) places.set(each, { block, index });
  }
  const own = new Set<Value>(fn.parameters);
  const reaches = (value: Value, block: BasicBlock, index: number): boolean => {
    if (value.kind === "parameter") return own.has(value);
    if (value.kind !== "instruction") return true;
    const place = places.get(value);
    if (place === undefined) return false;
    if (place.block === block) return place.index < index;
    const from = tree.get(place.block);
    const to = tree.get(block);
    return from !== undefined && to !== undefined && from.enter <= to.enter && to.leave <= from.leave;
  };
  for (const block of fn.blocks) {
    if (!tree.has(block)) continue;
    for (const [index, instruction] of block.instructions.entries()) {
      if (instruction.opcode === "phi") {
        for (const way of instruction.incoming) {
          const reached = tree.has(way.block);
          if (reached && !reaches(way.value, way.block, way.block.instructions.length))
            return early(instruction);
        }
      } else if (!operandsOf(instruction).every((each) => reaches(each, block, index))) {
        return early(instruction);
      }
    }
  }
  return undefined;
}

function early(instruction: Instruction): string {
  return `${instruction.opcode} '%${instruction.name}' uses a value before its definition`;
}

/** When a walk over the dominator tree enters and leaves each reachable block. */
function dominatorTree(
  fn: IrFunction,
  predecessors: ReadonlyMap<BasicBlock, ReadonlySet<BasicBlock>>,
): Map<BasicBlock, { enter: number; leave: number }> {
  const order = postorder(fn.blocks[0] as BasicBlock);
  const numbers = new Map(order.map((block, index) => [block, index]));
  const parents = immediateDominators(order, numbers, predecessors);
  const children = new Map<number, number[]>();
  for (const [index, parent] of parents.entries()) {
    if (index === order.length - 1) continue;
    const list = children.get(parent);
    if (list === undefined) children.set(parent, [index]);
    else list.push(index);
  }
  const times = new Map<BasicBlock, { enter: number; leave: number }>();
  let clock = 0;
  const enter = (index: number): void => {
    times.set(order[index] as BasicBlock, { enter: clock++, leave: 0 });
    stack.push(index);
  };
  const stack: number[] = [];
  enter(order.length - 1);
  for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
    const next = children.get(top)?.pop();
    if (next !== undefined) {
      enter(next);
      continue;
    }
    const time = times.get(order[top] as BasicBlock);
    if (time !== undefined) time.leave = clock++;
    stack.pop();
  }
  return times;
}

/** Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm (2001), on postorder numbers. */
function immediateDominators(
  order: readonly BasicBlock[],
  numbers: ReadonlyMap<BasicBlock, number>,
  predecessors: ReadonlyMap<BasicBlock, ReadonlySet<BasicBlock>>,
): Int32Array {
  const parents = new Int32Array(order.length).fill(-1);
  const root = order.length - 1;
  parents[root] = root;
  const meet = (left: number, right: number): number => {
    let a = left;
    let b = right;
    while (a !== b) {
      while (a < b) a = parents[a] as number;
      while (b < a) b = parents[b] as number;
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = root - 1; index >= 0; index--) {
      let parent = -1;
      for (const block of predecessors.get(order[index] as BasicBlock) ?? []) {
        const number = numbers.get(block);
        if (number === undefined || parents[number] === -1) continue;
        parent = parent === -1 ? number : meet(parent, number);
      }
      if (parents[index] !== parent) {
        parents[index] = parent;
        changed = true;
      }
    }
  }
  return parents;
}
