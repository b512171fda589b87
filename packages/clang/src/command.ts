/** One run of the clang program: what goes in and what comes out, in a form that can cross to a worker. */

/** What to run. */
export interface ClangCommand {
  /** Arguments after the program's name. */
  readonly args: readonly string[];
  /** Absolute path in the run's file system -> content. Nothing else is there. */
  readonly files: ReadonlyMap<string, string>;
}

/** How a run ended. `trap` means that the program neither returned nor exited. */
export type ClangExit =
  | { readonly kind: "exit"; readonly status: number }
  | { readonly kind: "trap"; readonly trap: TrapKind; readonly message: string };

/** Why a run was cut off. */
export type TrapKind =
  /** The engine's or the program's own stack was used up. */
  | "stack"
  /** The module ran into its memory maximum, or it printed more than {@link LargestOutput}. */
  | "memory"
  /** The time limit passed. */
  | "timeout"
  /** An assertion or a crash of clang. */
  | "crash";

/** What a run gave. */
export interface ClangCommandResult {
  readonly exit: ClangExit;
  /** Everything written to standard output. */
  readonly stdout: Uint8Array;
  readonly stderr: string;
  /** Size of the module's memory at the end, in bytes. */
  readonly memoryBytes: number;
}

/** Runs commands one after the other. After any trap the next run starts from a fresh state. */
export interface ClangRunner {
  run(command: ClangCommand): Promise<ClangCommandResult>;
  close(): Promise<void>;
}

/** Most bytes a run may print. A bigger AST is the work of a macro bomb. */
export const LargestOutput = 512 << 20;

/** The result of a run that somebody else had to end. */
export function trapResult(trap: TrapKind, message: string): ClangCommandResult {
  return { exit: { kind: "trap", trap, message }, stdout: new Uint8Array(), stderr: "", memoryBytes: 0 };
}
