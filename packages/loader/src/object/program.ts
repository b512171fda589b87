/** A program in a kernel: the owner of its descriptor. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Fd, Kernel, ProgramTestRunOptions, ProgramTestRunResult } from "@bpfkit/base/kernel";
import type { CoreOutcome } from "../co-re/report.ts";
import type { ProgramSpec } from "../spec/program-spec.ts";

/** A program that the kernel accepted. */
export class Program {
  readonly name: string;
  readonly fd: Fd;
  readonly spec: ProgramSpec;
  /** The instructions as loaded. */
  readonly instructions: Uint8Array;
  /** What CO-RE changed or poisoned. */
  readonly coreOutcomes: readonly CoreOutcome[];
  readonly #kernel: Kernel;
  #closed = false;

  constructor(
    kernel: Kernel,
    fd: Fd,
    spec: ProgramSpec,
    instructions: Uint8Array,
    coreOutcomes: readonly CoreOutcome[],
  ) {
    this.#kernel = kernel;
    this.fd = fd;
    this.name = spec.name;
    this.spec = spec;
    this.instructions = instructions;
    this.coreOutcomes = coreOutcomes;
  }

  /** BPF_PROG_TEST_RUN. */
  testRun(options: ProgramTestRunOptions = {}): ProgramTestRunResult {
    return this.#kernel.programTestRun(this.fd, options);
  }

  /** Keeps the program at a path of a BPF file system after this process. @throws SyscallError EEXIST, EPERM */
  pin(path: string): void {
    this.#kernel.objects.pin(this.fd, path);
  }

  /** Drops the descriptor; links keep the program alive. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#kernel.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
