/** Phis of SSA code: equal ones become one, and ways in that bring the same constants share a block. */
import { reversePostorder } from "../analysis/cfg.ts";
import type { Dominators } from "../analysis/dominators.ts";
import { dominatorsOf } from "../analysis/dominators.ts";
import type { MachineBlock, MachineFunction, MachinePhi } from "../machine/machine-function.ts";
import { firstTerminator } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { instruction } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { definitionsOf, replaceRegisters } from "./known-bits.ts";

/** Replaces phis by equal ones of the same block. Needs linked blocks. */
export function mergeEqualPhis(fn: MachineFunction): void {
  const order = reversePostorder(fn);
  for (let changed = true; changed; ) {
    changed = false;
    const aliases = new Map<Register, Register>();
    const name = (register: Register): Register => aliases.get(register) ?? register;
    for (const block of order) {
      const seen = new Map<string, Register>();
      block.phis = block.phis.filter((phi) => {
        const key = phi.incoming.map((way) => `${way.block.id}:${name(way.register)}`).join(" ");
        const same = seen.get(key);
        if (same === undefined) {
          seen.set(key, phi.dst);
          return true;
        }
        aliases.set(phi.dst, same);
        return false;
      });
    }
    if (aliases.size > 0) {
      replaceRegisters(fn, aliases);
      changed = true;
    }
  }
}

/** Blocks over which a constant may be kept in a register for a phi. */
const maxRegion = 40;

/** Ways into a block that bring the same values. */
interface Ways {
  readonly blocks: MachineBlock[];
  readonly registers: readonly Register[];
  readonly hasConstant: boolean;
}

/**
 * Where several conditional jumps lead to a block and bring it the same constants, these are made once: in front of
 * all the jumps where no call lies between, else in one new block on the way. Before each jump they would take more
 * room, and a register from what the jump compares. Needs linked blocks; blocks are linked afterwards.
 */
export function shareConstantWays(fn: MachineFunction): void {
  const definitions = definitionsOf(fn);
  const dominators = dominatorsOf(fn);
  let changed = false;
  for (const block of [...fn.blocks]) {
    if (block.phis.length === 0 || block.predecessors.length < 3) continue;
    for (const ways of [...groupWays(block, definitions)]) {
      if (ways.blocks.length < 2 || !ways.hasConstant) continue;
      const common = commonDominator(ways.blocks, dominators);
      if (common !== undefined && !hasCallBetween(common, ways.blocks))
        hoist(fn, block, ways, common, definitions);
      else redirect(fn, block, ways, definitions);
      changed = true;
    }
  }
  if (changed) fn.linkBlocks();
}

function commonDominator(blocks: readonly MachineBlock[], dominators: Dominators): MachineBlock | undefined {
  let common: MachineBlock | undefined = blocks[0];
  for (const block of blocks) {
    while (common !== undefined && !dominators.dominates(common, block))
      common = dominators.immediate(common);
  }
  return common;
}

/** True where a call, or a loop, lies on a way from the end of `start` to the end of one of the blocks. */
function hasCallBetween(start: MachineBlock, blocks: readonly MachineBlock[]): boolean {
  const seen = new Set<MachineBlock>([start]);
  const work = [...blocks];
  while (work.length > 0) {
    const block = work.pop()!;
    if (seen.has(block)) continue;
    seen.add(block);
    if (seen.size > maxRegion || block.loopDepth !== start.loopDepth) return true;
    if (block.instructions.some((insn) => insn.opcode === "call")) return true;
    work.push(...block.predecessors);
  }
  return false;
}

/** Makes the constants of the ways at the end of a block that dominates them all. */
function hoist(
  fn: MachineFunction,
  block: MachineBlock,
  ways: Ways,
  common: MachineBlock,
  definitions: readonly (MachineInstruction | undefined)[],
): void {
  block.phis.forEach((phi, index) => {
    const register = ways.registers[index]!;
    const constant = definitions[register];
    if (constant?.opcode !== "move") return;
    const value = fn.newRegister(fn.significantBits[register]);
    common.instructions.splice(firstTerminator(common), 0, { ...constant, dst: value });
    for (const way of phi.incoming) if (ways.blocks.includes(way.block)) way.register = value;
  });
}

function groupWays(
  block: MachineBlock,
  definitions: readonly (MachineInstruction | undefined)[],
): Iterable<Ways> {
  const groups = new Map<string, Ways>();
  for (const predecessor of block.predecessors) {
    if (predecessor.successors.length < 2) continue;
    const registers = block.phis.map((phi) => valueFrom(phi, predecessor));
    const keys = registers.map((register) => constantKey(definitions[register]));
    const key = keys.map((constant, index) => constant ?? `%${registers[index]}`).join(" ");
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, {
        blocks: [predecessor],
        registers,
        hasConstant: keys.some((constant) => constant !== undefined),
      });
    } else group.blocks.push(predecessor);
  }
  return groups.values();
}

function valueFrom(phi: MachinePhi, predecessor: MachineBlock): Register {
  return phi.incoming.find((way) => way.block === predecessor)!.register;
}

function constantKey(insn: MachineInstruction | undefined): string | undefined {
  return insn?.opcode === "move" ? `${insn.width === 32 ? insn.imm >>> 0 : insn.imm}` : undefined;
}

function redirect(
  fn: MachineFunction,
  block: MachineBlock,
  ways: Ways,
  definitions: readonly (MachineInstruction | undefined)[],
): void {
  const shared = fn.newBlock();
  fn.blocks.splice(fn.blocks.indexOf(block), 0, shared);
  block.phis.forEach((phi, index) => {
    const register = ways.registers[index]!;
    const constant = definitions[register];
    let value = register;
    if (constant?.opcode === "move") {
      value = fn.newRegister(fn.significantBits[register]);
      shared.instructions.push({ ...constant, dst: value });
    }
    const kept = phi.incoming.filter((way) => !ways.blocks.includes(way.block));
    phi.incoming.length = 0;
    phi.incoming.push(...kept, { block: shared, register: value });
  });
  shared.instructions.push(instruction("goto", { target: block }));
  for (const predecessor of ways.blocks) {
    for (const insn of predecessor.instructions) if (insn.target === block) insn.target = shared;
  }
}
