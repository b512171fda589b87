/** One flat instruction stream per program: its own function, then every function it calls or points at. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type Instruction, PseudoCall, PseudoLoad } from "@bpfkit/elf/isa";
import type {
  CodeFunction,
  CodeSection,
  PlacedInstruction,
  ProgramSpec,
  Reference,
} from "../spec/program-spec.ts";

const loadImmediate = 0x18;
const call = 0x85;
/** The kernel's BPF_MAX_SUBPROGS. */
const maxFunctions = 256;
/** The kernel's BPF_COMPLEXITY_LIMIT_INSNS for privileged programs. */
const maxSlots = 1_000_000;

/** One instruction of the stream. */
export interface LinkedInstruction {
  /** In the program. */
  readonly slot: number;
  instruction: Instruction;
  /** Calls and function addresses are already resolved; maps, data and externs are not. */
  readonly reference: Reference | undefined;
}

/** A function's place in the stream and where it came from. */
export interface LinkedFunction {
  readonly code: CodeSection;
  readonly function: CodeFunction;
  /** In the program. */
  readonly startSlot: number;
}

/** A program with its functions joined. Instructions in order of slot; no two-slot instruction is ever split. */
export interface LinkedProgram {
  readonly spec: ProgramSpec;
  readonly instructions: LinkedInstruction[];
  readonly functions: readonly LinkedFunction[];
  readonly slots: number;
}

/** A call or function address still to be resolved, and its target. */
interface Use {
  readonly at: LinkedInstruction;
  readonly target: LinkedFunction;
}

/**
 * Joins a program with the functions it needs, in the order in which they are first used.
 * @throws BpfkitError LD030 where a call goes to the middle of a function or to none.
 */
export function linkProgram(spec: ProgramSpec): LinkedProgram {
  return new Linker(spec).link();
}

class Linker {
  readonly #spec: ProgramSpec;
  readonly #instructions: LinkedInstruction[] = [];
  readonly #functions: LinkedFunction[] = [];
  readonly #uses: Use[] = [];
  #slots = 0;

  constructor(spec: ProgramSpec) {
    this.#spec = spec;
  }

  link(): LinkedProgram {
    this.#place(this.#spec.code, this.#spec.entry);
    // The list grows while it is walked: each function may bring in more.
    for (let index = 0; index < this.#functions.length; index += 1) {
      const linked = this.#functions[index];
      if (linked !== undefined) this.#append(linked);
    }
    for (const use of this.#uses) resolveUse(use);
    return {
      spec: this.#spec,
      instructions: this.#instructions,
      functions: this.#functions,
      slots: this.#slots,
    };
  }

  /** Reserves room at the end of the stream for a function, once. */
  #place(code: CodeSection, target: CodeFunction): LinkedFunction {
    const known = this.#functions.find((linked) => linked.code === code && linked.function === target);
    if (known !== undefined) return known;
    const linked = { code, function: target, startSlot: this.#slots };
    this.#functions.push(linked);
    this.#slots += target.slots;
    if (this.#functions.length > maxFunctions || this.#slots > maxSlots) {
      throw new BpfkitError(
        "LD031",
        `program ${this.#spec.name} is too big: ${this.#functions.length} functions, ${this.#slots} instructions`,
      );
    }
    return linked;
  }

  #append(linked: LinkedFunction): void {
    const { code, function: source, startSlot } = linked;
    const end = source.slot + source.slots;
    for (let index = firstAt(code.instructions, source.slot); index < code.instructions.length; index += 1) {
      const placed = code.instructions[index];
      if (placed === undefined || placed.slot >= end) break;
      const reference = code.references.get(placed.slot) ?? localReference(code, placed);
      const at: LinkedInstruction = {
        slot: startSlot + placed.slot - source.slot,
        instruction: placed.instruction,
        reference,
      };
      this.#instructions.push(at);
      if (reference?.kind === "call" || reference?.kind === "function-address") {
        this.#uses.push({ at, target: this.#place(reference.code, this.#functionAt(reference, source)) });
      }
    }
  }

  #functionAt(reference: Extract<Reference, { code: CodeSection }>, user: CodeFunction): CodeFunction {
    const found = reference.code.functions.find((candidate) => candidate.slot === reference.slot);
    if (found !== undefined) return found;
    throw new BpfkitError(
      "LD030",
      `${user.name} uses instruction ${reference.slot} of section ${reference.code.name}, where no function starts`,
    );
  }
}

/** Index of the instruction at a slot; the caller knows that there is one. */
function firstAt(instructions: readonly PlacedInstruction[], slot: number): number {
  let low = 0;
  let high = instructions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((instructions[middle]?.slot ?? 0) < slot) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Calls within a section need no relocation: their distance is in the instruction. */
function localReference(code: CodeSection, placed: PlacedInstruction): Reference | undefined {
  const { opcode, src, imm } = placed.instruction;
  if (opcode === call && src === PseudoCall.Local) return { kind: "call", code, slot: placed.slot + imm + 1 };
  if (opcode === loadImmediate && src === PseudoLoad.Function) {
    return { kind: "function-address", code, slot: placed.slot + imm + 1 };
  }
  return undefined;
}

/** Distances count from the instruction after the (first slot of the) user. */
function resolveUse({ at, target }: Use): void {
  const imm = target.startSlot - at.slot - 1;
  const old = at.instruction;
  at.instruction =
    old.opcode === loadImmediate
      ? { ...old, src: PseudoLoad.Function, imm, immHigh: 0 }
      : { ...old, src: PseudoCall.Local, imm };
}
