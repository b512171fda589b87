/** What an object says about one program; machine-independent, may be changed before loading. */
import type { CoreRelocation, FuncInfo, LineInfo } from "@bpfkit/elf/btf";
import type { Instruction } from "@bpfkit/elf/isa";
import type { LineRecord } from "./line-records.ts";
import type { AttachMethod } from "./sections.ts";

/** What an instruction's relocation points at. Slots count 8-byte units from the start of the section. */
export type Reference =
  | { readonly kind: "map"; readonly map: string }
  /** Address of data: the section's map and the offset in its value. */
  | { readonly kind: "data"; readonly map: string; readonly offset: number }
  | { readonly kind: "call"; readonly code: CodeSection; readonly slot: number }
  | { readonly kind: "function-address"; readonly code: CodeSection; readonly slot: number }
  | { readonly kind: "extern"; readonly name: string };

/** One decoded instruction of a section and where its first slot is. */
export interface PlacedInstruction {
  readonly slot: number;
  readonly instruction: Instruction;
}

/** A function's place in its section. */
export interface CodeFunction {
  readonly name: string;
  readonly slot: number;
  readonly slots: number;
  readonly global: boolean;
}

/** An executable section: instructions, references by slot and BTF.ext records. */
export interface CodeSection {
  readonly name: string;
  readonly instructions: readonly PlacedInstruction[];
  readonly references: ReadonlyMap<number, Reference>;
  /** In order of slot. */
  readonly functions: readonly CodeFunction[];
  /** With their texts, for messages. */
  readonly lines: readonly LineInfo[];
  readonly funcs: readonly FuncInfo[];
  /** As the kernel wants them. */
  readonly lineRecords: readonly LineRecord[];
  readonly coreRelocations: readonly CoreRelocation[];
}

/** A program before loading. */
export interface ProgramSpec {
  readonly name: string;
  /** Without the leading `?`. */
  readonly section: string;
  readonly code: CodeSection;
  readonly entry: CodeFunction;
  /** enum bpf_prog_type; 0 where the section name says nothing. */
  type: number;
  /** enum bpf_attach_type. */
  expectedAttachType: number;
  method: AttachMethod;
  /** What follows the section's prefix: a function, `category/name`, ... */
  attachTo: string | undefined;
  /** False for `SEC("?...")`: skipped unless set. */
  autoload: boolean;
  sleepable: boolean;
  /** Flags of BPF_PROG_LOAD besides BPF_F_SLEEPABLE. */
  flags: number;
}
