/** Runs tools in a kernel, simulated or this machine's, with a builder for their C, and standard output. */

import { UsageError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { SourceText } from "bpfkit";
import { type Builder, openKernel, openLinuxKernel } from "bpfkit/node";
import { BPF, genericTool, type ToolHost, type ToolProgram } from "bpfkit/tracing";
import { type BuildFlags, openBuilder } from "../build.ts";
import { ExitCode } from "../exit-codes.ts";
import { LineOutput } from "../output/line-output.ts";
import type { Progress } from "../output/progress.ts";
import { printWarnings } from "../output/warnings.ts";
import { requireWritable, writeWhole } from "../output/write-file.ts";
import { extendedProgram } from "./extended.ts";
import type { Target } from "./target.ts";

/** The scenario for programs without a front end of their own. */
const genericScenario = "mixed";

/** The flags of `bpfkit run`, as oclif parsed them. */
export interface RunFlags extends BuildFlags {
  readonly target: string;
  readonly scenario?: string | undefined;
  readonly seed: number;
  readonly engine: string;
  readonly "verifier-log": boolean;
  readonly extend?: string | undefined;
}

/** A tool's host on the command line. */
export class CommandLineHost implements ToolHost {
  readonly kernel: Kernel;
  readonly signal: AbortSignal;
  readonly #target: Target;
  readonly #builder: Builder;
  readonly #progress: Progress;
  readonly #isForLong: boolean;
  readonly #extend: string | undefined;
  readonly #output = new LineOutput(process.stdout);
  readonly onVerifierLog?: (program: string, log: string) => void;

  constructor(
    target: Target,
    builder: Builder,
    kernel: Kernel,
    progress: Progress,
    options: {
      readonly signal: AbortSignal;
      readonly verifierLog: boolean;
      readonly isForLong: boolean;
      readonly extend: string | undefined;
    },
  ) {
    this.#target = target;
    this.#builder = builder;
    this.kernel = kernel;
    this.#progress = progress;
    this.signal = options.signal;
    this.#isForLong = options.isForLong;
    this.#extend = options.extend;
    if (options.verifierLog) {
      this.onVerifierLog = (program, log) => {
        this.#say(`verifier log of ${program}:\n${log.trimEnd()}`);
      };
    }
  }

  readonly write = (line: string): void => {
    this.#output.write(line);
  };

  readonly warn = (message: string): void => this.#say(`bpfkit: ${message}`);

  readonly beforeEvents = (timeoutMs: number, signal?: AbortSignal): Promise<void> | undefined =>
    this.#output.caughtUp(timeoutMs, signal);

  openOutput(path: string): (text: string) => void {
    requireWritable(path);
    return (text) => writeWhole(path, text);
  }

  async open(program: ToolProgram): Promise<BPF> {
    return BPF.open({
      object: await this.#build(program, program.defines),
      name: program.file,
      kernel: this.kernel,
      ...(this.onVerifierLog === undefined ? {} : { onVerifierLog: this.onVerifierLog }),
      beforeEvents: this.beforeEvents,
      onWarning: (message) => this.#say(`bpfkit: warning: ${message}`),
    });
  }

  /** On stderr, behind the lines before it. */
  #say(text: string): void {
    this.#output.flush();
    process.stderr.write(`${text}\n`);
  }

  /** Runs the target with the front end for programs that have none of their own. */
  async runGeneric(argv: readonly string[]): Promise<number> {
    const { source, name } = this.#target;
    let { object } = this.#target;
    if (source !== undefined) object = await this.#build(source);
    const extend = this.#extend === undefined ? undefined : extendedProgram(this.kernel, this.#extend);
    const program = { name, object: object ?? new Uint8Array(), ...(extend === undefined ? {} : { extend }) };
    return await genericTool(program).run(argv, this);
  }

  /**
   * Builds and tells of it. Ctrl-C ends the process meanwhile: there is nothing to sum up yet. Who traces a machine may do
   * so for days: the compiler's memory is given back first.
   */
  async #build(source: SourceText, defines: readonly string[] = []): Promise<Uint8Array> {
    const end = () => {
      this.#progress.done();
      process.exit(ExitCode.interrupted);
    };
    if (this.signal.aborted) end();
    this.signal.addEventListener("abort", end);
    try {
      const { object, diagnostics } = await this.#builder.build(source, defines);
      this.#progress.done();
      printWarnings(diagnostics);
      if (this.#isForLong) await this.#builder.releaseMemory();
      return object;
    } finally {
      this.signal.removeEventListener("abort", end);
    }
  }

  /** Ends kernel and compiler. */
  async close(): Promise<void> {
    this.kernel.shutdown();
    await this.#builder.close();
  }
}

/** Opens the kernel that `--target` names, says so on stderr, and makes the host around it. */
export async function openHost(
  target: Target,
  flags: RunFlags,
  progress: Progress,
  signal: AbortSignal,
): Promise<CommandLineHost> {
  if (flags.extend !== undefined && (flags.target !== "kernel" || target.tool !== undefined)) {
    throw new UsageError('--extend goes with --target kernel and a program with SEC("freplace/FUNCTION")');
  }
  const open = flags.target === "kernel" ? openThisKernel : openSimulatedKernel;
  const builder = openBuilder(flags, progress);
  const kernel = await open(target, flags, builder);
  return new CommandLineHost(target, builder, kernel, progress, {
    signal,
    verifierLog: flags["verifier-log"],
    isForLong: flags.target === "kernel",
    extend: flags.extend,
  });
}

async function openSimulatedKernel(target: Target, flags: RunFlags, builder: Builder): Promise<Kernel> {
  if (flags["verifier-log"]) {
    throw new UsageError("the VM has no verifier whose log could be shown", {
      hint: "--verifier-log goes with --target kernel.",
    });
  }
  const scenario = flags.scenario ?? target.tool?.scenario ?? genericScenario;
  const engine = flags.engine === "interpreter" ? "interpreter" : "jit";
  const kernel = await openKernel({ profile: builder.profile, scenario, seed: flags.seed, engine });
  process.stderr.write(`bpfkit: running in the bundled VM (${kernel.name}, workload ${scenario})\n`);
  return kernel;
}

/** @throws BpfkitError LK0xx where this machine or user cannot trace; there is no fallback to the VM */
async function openThisKernel(_target: Target, flags: RunFlags): Promise<Kernel> {
  if (flags.scenario !== undefined) {
    throw new UsageError(
      "--scenario is a workload of the VM; --target kernel watches what this machine does",
    );
  }
  const kernel = await openLinuxKernel();
  process.stderr.write(`bpfkit: tracing this machine's kernel (${kernel.name}); Ctrl-C ends it\n`);
  return kernel;
}
