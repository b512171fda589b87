/** Clang as functions: C text to JSON AST, C text to IR, IR to optimised IR. */
import { BpfkitError, type Diagnostic } from "@bpfkit/base/diagnostics";
import {
  argumentsFingerprint,
  astArguments,
  type BpfCpu,
  irArguments,
  type OptimisationLevel,
  optimiserArguments,
  type SourceArguments,
} from "./arguments.ts";
import type { ClangCommand, ClangCommandResult, ClangRunner, TrapKind } from "./command.ts";
import { parseDiagnostics } from "./diagnostics.ts";
import { FreestandingFolder, freestandingHeaders } from "./freestanding-headers.ts";
import type { AstNode } from "./json-ast.ts";
import { VirtualFiles } from "./virtual-files.ts";

/** One C program to read. */
export interface ClangRequest {
  /** Name of the file to compile; it has to be among `files`. Messages and debug information use it as it is. */
  readonly mainFile: string;
  /** Every file that can be included, by name, the main one too. Headers that come with clang need not be here. */
  readonly files: ReadonlyMap<string, string>;
  /** Searched in this order by `#include`. Those below `/bpfkit/` are system folders: no warnings from there. */
  readonly includeDirs: readonly string[];
  /** Files to read before the main one. */
  readonly preIncludes: readonly string[];
  /** `NAME=VALUE` or `NAME`. */
  readonly defines: readonly string[];
  readonly cpu: BpfCpu;
  readonly optLevel: OptimisationLevel;
  /** Name in `files` -> the name that messages shall use instead. */
  readonly fileNames?: ReadonlyMap<string, string>;
}

/** Options of the optimiser. */
export interface OptimiseOptions {
  readonly cpu: BpfCpu;
  readonly optLevel: OptimisationLevel;
}

/**
 * The compiler. Runs are made one after the other, in the order of the calls.
 *
 * Every method throws a BpfkitError: CC001 when the C text has errors, with all of clang's messages in `diagnostics`; CC011 when
 * the text nests too deep, CC012 on a timeout, CC013 when memory runs out, CC014 when clang itself breaks. The object stays
 * usable after each of them.
 */
export interface Clang {
  /** Reads a program up to its meaning. `diagnostics` are the warnings. */
  parseAst(
    request: ClangRequest,
  ): Promise<{ readonly ast: AstNode; readonly diagnostics: readonly Diagnostic[] }>;
  /** LLVM IR as text, not optimised; CO-RE accesses are still intrinsics. */
  compileToIr(
    request: ClangRequest,
  ): Promise<{ readonly ir: string; readonly diagnostics: readonly Diagnostic[] }>;
  /** Runs LLVM's optimiser over IR text. */
  optimiseIr(ir: string, options: OptimiseOptions): Promise<{ readonly ir: string }>;
  /** Names compiler and arguments: results of equal versions are equal. */
  readonly version: string;
  /** Ends the compiler. Runs that wait are refused. */
  close(): Promise<void>;
}

/** Makes a compiler out of something that can run the clang program. */
export function clangOn(runner: ClangRunner, programVersion: string): Clang {
  return new RunnerClang(runner, `${programVersion} (arguments ${argumentsFingerprint()})`);
}

const IrFile = "/bpfkit/ir/input.ll";

class RunnerClang implements Clang {
  readonly version: string;
  readonly #runner: ClangRunner;

  constructor(runner: ClangRunner, version: string) {
    this.#runner = runner;
    this.version = version;
  }

  async parseAst(request: ClangRequest) {
    const files = new VirtualFiles(request);
    const { output, diagnostics } = await this.#compile(astArguments(sourceArguments(request, files)), files);
    return { ast: JSON.parse(files.restoreNames(output)) as AstNode, diagnostics };
  }

  async compileToIr(request: ClangRequest) {
    const files = new VirtualFiles(request);
    const { output, diagnostics } = await this.#compile(irArguments(sourceArguments(request, files)), files);
    return { ir: output, diagnostics };
  }

  async optimiseIr(ir: string, options: OptimiseOptions) {
    const args = optimiserArguments(IrFile, options.cpu, options.optLevel);
    const result = await this.#run({ args, files: new Map([[IrFile, ir]]) }, () => []);
    if (result.exit.kind !== "exit" || result.exit.status !== 0) {
      throw new BpfkitError("CC014", `clang's optimiser refused the IR: ${firstLine(result.stderr)}`);
    }
    return { ir: textOf(result.stdout) };
  }

  close(): Promise<void> {
    return this.#runner.close();
  }

  async #compile(args: readonly string[], files: VirtualFiles) {
    const all = new Map(files.contents);
    for (const [name, text] of freestandingHeaders) all.set(`${FreestandingFolder}/${name}`, text);
    const messages = (stderr: string) => parseDiagnostics(stderr, files);
    const result = await this.#run({ args, files: all }, messages);
    const diagnostics = messages(result.stderr);
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    const first = errors[0];
    if (first !== undefined)
      throw nestingError(diagnostics) ?? sourceError(errors.length, first, diagnostics);
    if (result.exit.kind !== "exit" || result.exit.status !== 0) {
      throw new BpfkitError(
        "CC014",
        `clang failed without a message it could explain: ${firstLine(result.stderr)}`,
      );
    }
    return { output: textOf(result.stdout), diagnostics };
  }

  /** A run that came to its own end, well or badly. */
  async #run(
    command: ClangCommand,
    messages: (stderr: string) => readonly Diagnostic[],
  ): Promise<ClangCommandResult> {
    const result = await this.#runner.run(command);
    if (result.exit.kind === "exit") return result;
    const { trap, message } = result.exit;
    const [code, text, hint] = trapMessages[trap];
    throw new BpfkitError(code, trap === "crash" ? `${text}: ${crashReason(result.stderr, message)}` : text, {
      hint,
      diagnostics: messages(result.stderr),
    });
  }
}

const nestingHint =
  "Split the expression, or turn a long else-if chain into a switch or a table. A macro may be what nests.";

const trapMessages: Record<TrapKind, readonly [code: string, message: string, hint: string]> = {
  stack: ["CC011", "the program nests too deep for the compiler", nestingHint],
  timeout: [
    "CC012",
    "the compiler took too long and was stopped",
    "A macro that expands to itself many times is the usual reason.",
  ],
  memory: [
    "CC013",
    "the compiler ran out of memory",
    "A macro that expands to itself many times is the usual reason.",
  ],
  crash: ["CC014", "the compiler itself failed", "Please report it with the program that caused it."],
};

function sourceArguments(request: ClangRequest, files: VirtualFiles): SourceArguments {
  return {
    mainFile: files.path(request.mainFile),
    includeDirs: request.includeDirs.map((folder) => files.path(folder)),
    preIncludes: request.preIncludes.map((file) => files.path(file)),
    defines: request.defines,
    renamedFiles: files.renamed,
    cpu: request.cpu,
    optLevel: request.optLevel,
  };
}

function sourceError(count: number, first: Diagnostic, diagnostics: readonly Diagnostic[]): BpfkitError {
  const place = first.range === undefined ? "" : `${first.range.file}:${first.range.line}: `;
  const more = count === 1 ? "" : ` (and ${count - 1} more)`;
  return new BpfkitError("CC001", `${place}${first.message}${more}`, { diagnostics });
}

/** Clang's own limit on brackets is the same trouble as a used-up stack. */
function nestingError(diagnostics: readonly Diagnostic[]): BpfkitError | undefined {
  const limit = diagnostics.find(({ message }) => message.startsWith("bracket nesting level exceeded"));
  if (limit === undefined) return undefined;
  return new BpfkitError("CC011", trapMessages.stack[1], { hint: nestingHint, diagnostics: [limit] });
}

function crashReason(stderr: string, message: string): string {
  const assertion = /^(?:Assertion|LLVM ERROR|fatal error).*$/m.exec(stderr)?.[0];
  return assertion ?? message;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] || "no output";
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
