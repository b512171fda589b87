/** What a tool is to whoever runs it: the CLI, a test or a web page. */
import type { Kernel } from "@bpfkit/base/kernel";
import type { BPF } from "./bpf.ts";

/** A program text to build and load. */
export interface ToolProgram {
  /** File name for diagnostics. */
  readonly file: string;
  readonly text: string;
  /** Macros, `NAME` or `NAME=VALUE`. */
  readonly defines?: readonly string[];
}

/** What a tool gets from whoever runs it. */
export interface ToolHost {
  /** Prints one line of output; the newline is added. */
  write(line: string): void;
  /** As `BpfOptions.beforeEvents`, of who takes what {@link ToolHost.write} is given; absent where everything is taken. */
  readonly beforeEvents?: (timeoutMs: number, signal?: AbortSignal) => Promise<void> | undefined;
  /** Says what went wrong without ending the tool; dropped where this is absent. */
  warn?(message: string): void;
  /**
   * Prepares a file to be written as a whole, later. Absent where there are no files.
   * @throws BpfkitError now, where it is plain that it could not be written
   */
  openOutput?(path: string): (text: string) => void;
  /** Builds (or takes from the cache) and loads a program into {@link ToolHost.kernel}. The tool closes it. */
  open(program: ToolProgram): Promise<BPF>;
  readonly kernel: Kernel;
  /** Gets the verifier's logs where the user asked for them. */
  readonly onVerifierLog?: (program: string, log: string) => void;
  /** Aborted when the user interrupts; the tool then prints its summary and returns. */
  readonly signal: AbortSignal;
}

/** A tracing tool: BPF programs and a front end. */
export interface Tool {
  readonly name: string;
  /** One line, for listings. */
  readonly summary: string;
  /** The simulated workload it runs on when the user names none. */
  readonly scenario: string;
  /**
   * Runs until the user interrupts, the tool's own limit is reached or the simulated workload is over.
   * @param argv the words of the tool's own command line
   * @returns the exit code
   * @throws UsageError for a wrong command line
   */
  run(argv: readonly string[], host: ToolHost): Promise<number>;
}
