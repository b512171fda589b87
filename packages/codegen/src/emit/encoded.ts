/** What encoding makes of a machine instruction before jumps and symbols are settled. */
import type { Instruction } from "@bpfkit/elf/isa";
import type { MachineBlock } from "../machine/machine-function.ts";

/** A relocation wanted by an instruction. */
export interface WantedRelocation {
  readonly kind: "address" | "call" | "core";
  readonly symbol: string;
  /** Bytes behind the symbol; absent for none. */
  readonly addend?: number;
}

/** One encoded instruction; the distance of a jump is still zero. */
export interface Encoded {
  readonly insn: Instruction;
  readonly relocation?: WantedRelocation;
  readonly target?: MachineBlock;
  /** Where the distance to `target` goes; the offset where it is not said. */
  readonly field?: "off" | "imm";
}

/** A BPF instruction on its way into a section. */
export interface PlacedInstruction {
  readonly insn: Instruction;
  readonly location: number;
  readonly relocation: WantedRelocation | undefined;
}

/** The instructions of a function, and the slots of 8 bytes they take. */
export interface EncodedFunction {
  readonly code: readonly PlacedInstruction[];
  readonly slots: number;
}
