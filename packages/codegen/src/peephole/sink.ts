/**
 * Order within blocks: computations move down towards their uses where that keeps no operand alive longer, so that
 * fewer values are alive at once. (LLVM's list scheduler has the same effect.)
 */
import { livenessOf } from "../analysis/liveness.ts";
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import { firstTerminator } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { hasSideEffects } from "../machine/machine-instruction.ts";
import { forEachUse } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { isPhysical, isVirtual } from "../machine/register.ts";

/** An instruction in the new order: a list, with keys that grow along it. */
interface Place {
  readonly insn: MachineInstruction;
  key: number;
  before: Place | undefined;
  after: Place | undefined;
}

/** Sinks computations of code without phis that is otherwise in SSA form. Needs linked blocks. */
export function sinkComputations(fn: MachineFunction): void {
  const liveness = livenessOf(fn);
  for (const block of fn.blocks) {
    if (block.instructions.length > 2) new BlockOrder(block, new Set(liveness.liveOut[block.id])).run();
  }
}

class BlockOrder {
  readonly #block: MachineBlock;
  readonly #liveOut: ReadonlySet<Register>;
  readonly #places: Place[];
  /** First and last place, in the new order, of those that read each register below the current instruction. */
  readonly #firstUse = new Map<Register, Place>();
  readonly #lastUse = new Map<Register, Place>();
  /** The next place that may write memory. */
  #nextEffect: Place | undefined;

  constructor(block: MachineBlock, liveOut: ReadonlySet<Register>) {
    this.#block = block;
    this.#liveOut = liveOut;
    this.#places = block.instructions.map((insn, index) => ({
      insn,
      key: index,
      before: undefined,
      after: undefined,
    }));
    this.#places.forEach((place, index) => {
      place.before = this.#places[index - 1];
      place.after = this.#places[index + 1];
    });
  }

  run(): void {
    const end = firstTerminator(this.#block);
    const terminator = this.#places[end];
    for (let index = this.#places.length - 1; index >= 0; index--) {
      const place = this.#places[index]!;
      if (index < end && isMovable(place.insn)) this.#sink(place, terminator);
      this.#note(place);
    }
    let first = this.#places[0];
    while (first?.before !== undefined) first = first.before;
    const instructions: MachineInstruction[] = [];
    for (let place = first; place !== undefined; place = place.after) instructions.push(place.insn);
    this.#block.instructions = instructions;
  }

  /** Moves an instruction down, at most to its first use and to where its operands are read last. */
  #sink(place: Place, terminator: Place | undefined): void {
    const { insn } = place;
    let limit = this.#firstUse.get(insn.dst) ?? terminator;
    if (insn.opcode === "load") limit = earlier(limit, this.#nextEffect);
    let lastReader: Place | undefined;
    let stays = limit === undefined;
    forEachUse(insn, (register) => {
      if (isPhysical(register)) stays = true;
      if (!isVirtual(register) || this.#liveOut.has(register)) return;
      const last = this.#lastUse.get(register);
      // The operand dies here: sinking would only exchange one live value for another.
      if (last === undefined) stays = true;
      else lastReader = lastReader === undefined ? last : earlier(lastReader, last);
    });
    if (stays || limit === undefined) return;
    const target = lastReader !== undefined && lastReader.key < limit.key ? lastReader.after : limit;
    if (target === undefined || target.before === place || target === place) return;
    this.#moveBefore(place, target);
  }

  #moveBefore(place: Place, target: Place): void {
    if (place.before !== undefined) place.before.after = place.after;
    if (place.after !== undefined) place.after.before = place.before;
    place.before = target.before;
    place.after = target;
    if (target.before !== undefined) target.before.after = place;
    target.before = place;
    const low = place.before?.key ?? target.key - 2;
    place.key = (low + target.key) / 2;
    if (place.key <= low || place.key >= target.key) this.#renumber(place);
  }

  /** Gives all places whole keys again. */
  #renumber(any: Place): void {
    let place: Place | undefined = any;
    while (place.before !== undefined) place = place.before;
    for (let key = 0; place !== undefined; key++) {
      place.key = key;
      place = place.after;
    }
  }

  #note(place: Place): void {
    forEachUse(place.insn, (register) => {
      const first = this.#firstUse.get(register);
      const last = this.#lastUse.get(register);
      this.#firstUse.set(register, first === undefined ? place : earlier(first, place));
      this.#lastUse.set(register, last === undefined || last.key < place.key ? place : last);
    });
    const { insn } = place;
    const writes = hasSideEffects(insn) && insn.opcode !== "branch" && insn.opcode !== "goto";
    if (writes) this.#nextEffect = earlier(place, this.#nextEffect);
  }
}

function earlier(first: Place, second: Place | undefined): Place;
function earlier(first: Place | undefined, second: Place | undefined): Place | undefined;
function earlier(first: Place | undefined, second: Place | undefined): Place | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return first.key <= second.key ? first : second;
}

function isMovable(insn: MachineInstruction): boolean {
  if (!isVirtual(insn.dst) || hasSideEffects(insn)) return false;
  switch (insn.opcode) {
    case "alu":
    case "negate":
    case "swap":
    case "zero-extend":
    case "sign-extend":
    case "load":
      return true;
    default:
      return false;
  }
}
