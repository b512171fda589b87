/** What the emitter hands over: sections without BTF, and where everything landed, for BTF and .BTF.ext. */
import type { ObjectFile } from "@bpfkit/elf/object";
import type { IrFunction, IrGlobal } from "../ir/index.ts";

/** One emitted machine instruction as far as debug information is concerned. */
export interface EmittedInstruction {
  /** Byte offset in the section (not in the function). */
  readonly offset: number;
  /** Metadata id of the DILocation of the IR instruction behind it; undefined for code without one. */
  readonly debugLocation: number | undefined;
  /**
   * The relocation global whose load this instruction replaces: `@"llvm.task:0:48$0:3"` and its kin. The
   * instruction's immediate carries the "patch imm" of the global's name. The relocation record is added at `offset`.
   */
  readonly coreRelocation: IrGlobal | undefined;
}

/** A function in its place. */
export interface EmittedFunction {
  readonly fn: IrFunction;
  readonly section: string;
  /** Byte offset in the section. */
  readonly offset: number;
  readonly size: number;
  /** In order of offset; LD_IMM64 is one entry. */
  readonly instructions: readonly EmittedInstruction[];
}

/** A global variable in its place. */
export interface EmittedGlobal {
  readonly global: IrGlobal;
  readonly section: string;
  /** Byte offset in the section. */
  readonly offset: number;
  readonly size: number;
}

/** The emitter's result. */
export interface EmittedModule {
  /** Sections, symbols and relocations of code and data; no .BTF, no .BTF.ext. */
  readonly object: ObjectFile;
  /** In the module's order. */
  readonly functions: readonly EmittedFunction[];
  /** Definitions only, in the module's order. */
  readonly globals: readonly EmittedGlobal[];
}
