/** LLVM IR text to an object file: the back end from end to end. */
import type { Diagnostic } from "@bpfkit/base/diagnostics";
import type { ObjectFile } from "@bpfkit/elf/object";
import { writeObject } from "@bpfkit/elf/object";
import type { EmittedModule } from "./debug/index.ts";
import { addDebugInfo } from "./debug/index.ts";
import { emitModule } from "./emit/index.ts";
import { undefinedFunctions } from "./emit/undefined-functions.ts";
import type { IrModule } from "./ir/index.ts";
import { parseIr, verifyModule } from "./ir/index.ts";
import { prepareModule } from "./prepare/index.ts";

/** Options of {@link generate}. */
export interface GenerateOptions {
  /** Instruction-set level. */
  readonly cpu: "v1" | "v2" | "v3" | "v4";
  /** Name of the C file, for messages about the IR itself. */
  readonly mainFile: string;
  /** Text of a source file as debug information names it, for line info; lines stay empty without it. */
  readonly sourceText?: (file: string) => string | undefined;
}

/** What {@link generate} returns. */
export interface GenerateResult {
  readonly object: ObjectFile;
  /** The object as an ELF file. */
  readonly bytes: Uint8Array;
  readonly diagnostics: readonly Diagnostic[];
  /** Where functions and variables landed. */
  readonly emitted: EmittedModule;
  readonly module: IrModule;
}

/**
 * Compiles optimised LLVM IR text for BPF.
 * @throws BpfkitError CG0xx for malformed IR, CG1xx for what BPF cannot do, with the line of C in its diagnostics
 */
export function generate(irText: string, options: GenerateOptions): GenerateResult {
  const module = parseIr(irText, options.mainFile);
  verifyModule(module);
  prepareModule(module);
  const emitted = emitModule(module, { cpu: options.cpu });
  const sourceText = options.sourceText ?? (() => undefined);
  const object = addDebugInfo(module, emitted, { sourceText });
  return {
    object,
    bytes: writeObject(object),
    diagnostics: undefinedFunctions(module, emitted),
    emitted,
    module,
  };
}
