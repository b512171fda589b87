/** Runs a bundled tool in the VM in this process and collects its output. */

import { createNodeClang } from "@bpfkit/clang/node";
import type { GroundTruth } from "@bpfkit/vm/kernel";
import { BPF, rewriteSource, type Tool, type ToolProgram } from "bpfkit";
import { Builder } from "bpfkit/node";
import { simulatedKernel } from "bpfkit/node/simulated";
import { NativeUnit } from "./native-build.ts";

/** Who builds the tool's C, and how it is run. */
export interface ToolRunOptions {
  readonly argv: readonly string[];
  /** Path of a native clang that shall compile the rewritten C instead of bpfkit. */
  readonly nativeClang?: string;
  readonly engine?: "jit" | "interpreter";
  readonly seed?: number;
  readonly scenario?: string;
}

/** What a run printed and what really happened. */
export interface ToolRun {
  readonly lines: readonly string[];
  readonly truth: GroundTruth;
  readonly status: number;
  readonly warnings: readonly string[];
  /** Files that the tool wrote, by path. */
  readonly files: ReadonlyMap<string, string>;
}

/** Builds and runs tools with one compiler; objects of equal programs are built once. */
export class ToolRunner {
  readonly #builder = new Builder({ cache: false });
  readonly #clang = createNodeClang();
  readonly #objects = new Map<string, Uint8Array>();

  /** An object of a tool's program, by bpfkit or by native clang. */
  async object(program: ToolProgram, nativeClang?: string): Promise<Uint8Array> {
    const { file, text, defines = [] } = program;
    const key = JSON.stringify([file, text, defines, nativeClang]);
    let object = this.#objects.get(key);
    if (object === undefined) {
      object =
        nativeClang === undefined
          ? (await this.#builder.compile({ file, text }, defines)).object
          : await this.#native(program, nativeClang);
      this.#objects.set(key, object);
    }
    return object;
  }

  /** Runs a tool until its scenario is over. */
  async run(tool: Tool, options: ToolRunOptions): Promise<ToolRun> {
    const { argv, nativeClang, engine = "jit", seed = 1, scenario = tool.scenario } = options;
    const kernel = simulatedKernel({ profile: this.#builder.profile, scenario, seed, engine });
    const lines: string[] = [];
    const warnings: string[] = [];
    const files = new Map<string, string>();
    try {
      const status = await tool.run(argv, {
        write: (line) => lines.push(line),
        warn: (message) => warnings.push(message),
        openOutput: (path) => (text) => files.set(path, text),
        open: async (program) => {
          const object = await this.object(program, nativeClang);
          return await BPF.open({ object, name: program.file, kernel });
        },
        kernel,
        signal: new AbortController().signal,
      });
      return { lines, truth: kernel.groundTruth, status, warnings, files };
    } finally {
      kernel.shutdown();
    }
  }

  async close(): Promise<void> {
    await this.#builder.close();
    await this.#clang.close();
  }

  async #native({ file, text, defines = [] }: ToolProgram, nativeClang: string): Promise<Uint8Array> {
    const options = { cpu: "v3", defines, includeDirs: [] } as const;
    const { unit, rewritten } = await rewriteSource(
      { file, text },
      this.#builder.profile,
      this.#clang,
      options,
    );
    const native = new NativeUnit(unit.codeRequest(rewritten));
    try {
      return native.build(nativeClang);
    } finally {
      native.close();
    }
  }
}
