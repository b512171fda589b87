/** What the back end hands to the debug information writer: an object without BTF, and where everything went. */
import type { ObjectFile } from "@bpfkit/elf/object";
import type { IrFunction } from "../ir/function.ts";
import type { IrGlobal } from "../ir/module.ts";

/** One instruction of the finished code. */
export interface EmittedInstruction {
  /** Bytes from the start of the section. */
  readonly offset: number;
  /** 8-byte units the instruction takes. */
  readonly slots: 1 | 2;
  /** Metadata id of its DILocation; -1 where it has none. */
  readonly location: number;
  /** Name of the relocation global (`llvm.task_struct:0:1224$0:2`) that it carries; "" where none. */
  readonly coreGlobal: string;
}

/** A function in its section. */
export interface EmittedFunction {
  readonly fn: IrFunction;
  /** Index in `object.sections`. */
  readonly section: number;
  /** Bytes from the start of the section. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** In the order of their offsets. */
  readonly instructions: readonly EmittedInstruction[];
}

/** A variable in its section. */
export interface EmittedGlobal {
  readonly global: IrGlobal;
  /** Index in `object.sections`. */
  readonly section: number;
  /** Bytes from the start of the section. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** The result of the back end proper. */
export interface EmittedModule {
  /** Code, data, symbols and relocations; .BTF and .BTF.ext are still to be added. */
  readonly object: ObjectFile;
  /** In the order of the module. */
  readonly functions: readonly EmittedFunction[];
  /** In the order of the module; declarations are not among them. */
  readonly globals: readonly EmittedGlobal[];
}
