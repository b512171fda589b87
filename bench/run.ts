/**
 * `npm run bench`: what building and starting cost, and how large the code is, against native clang-19 in the same run.
 * Every number is the median of several runs; ratios are what to look at.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createNodeClang } from "@bpfkit/clang/node";
import { readObject, SectionFlag } from "@bpfkit/elf/object";
import { rewriteSource } from "bpfkit";
import { Builder } from "bpfkit/node";
import { NativeUnit } from "../test/support/native-build.ts";
import { requireTool } from "../test/support/native-tools.ts";
import { benchGrowth, benchThroughput } from "./codegen.ts";
import { programs } from "./programs.ts";
import { benchRewriting } from "./rewriter.ts";

const child = resolve(import.meta.dirname, "measure-child.mjs");
const rounds = Number(process.env["BPFKIT_BENCH_ROUNDS"] ?? 5);

interface Measured {
  readonly ms: number;
  readonly kib: number;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Times a command in a process of its own, with its peak memory. */
function command(args: readonly string[], folder: string): Measured {
  const start = performance.now();
  const { status, output, stderr } = spawnSync(process.execPath, [child, ...args], {
    cwd: folder,
    env: { ...process.env, XDG_CACHE_HOME: join(folder, "cache") },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`bpfkit ${args.join(" ")} failed: ${stderr}`);
  return { ms: performance.now() - start, kib: Number(output[3]) };
}

/** Milliseconds until a command prints its first byte. */
function firstOutput(args: readonly string[], folder: string): number {
  const script = `
    const { spawn } = require("node:child_process");
    const start = performance.now();
    const run = spawn(process.execPath, ${JSON.stringify([child.replace("measure-child.mjs", "../packages/cli/bin/bpfkit.cjs"), ...args])}, { stdio: ["ignore", "pipe", "ignore"] });
    run.stdout.once("data", () => { process.stdout.write(String(performance.now() - start)); run.stdout.resume(); });`;
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache") };
  return Number(execFileSync(process.execPath, ["-e", script], { cwd: folder, env, encoding: "utf8" }));
}

/** Slots of executable sections. */
function slots(object: Uint8Array): number {
  const code = readObject(object).sections.filter(({ flags }) => (flags & SectionFlag.Execinstr) !== 0);
  return code.reduce((sum, { size }) => sum + size / 8, 0);
}

function row(cells: readonly (string | number)[]): void {
  const text = cells.map((cell) => (typeof cell === "number" ? cell.toFixed(cell < 10 ? 2 : 0) : cell));
  const widths = [14, 34, 10, 10, 8];
  console.log(
    text
      .map((cell, index) => (index < 2 ? cell.padEnd(widths[index] ?? 8) : cell.padStart(widths[index] ?? 8)))
      .join(" "),
  );
}

async function measure(name: string, text: string, clang: string | undefined): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-bench-"));
  const builder = new Builder({ cache: false });
  const compiler = createNodeClang();
  try {
    const source = { file: "program.bpf.c", text };
    writeFileSync(join(folder, source.file), text);
    const options = { cpu: "v3", defines: [], includeDirs: [] } as const;
    const { unit, rewritten } = await rewriteSource(source, builder.profile, compiler, options);
    const native = new NativeUnit(unit.codeRequest(rewritten));
    const built = await builder.compile(source);
    const cold: Measured[] = [];
    const cached: Measured[] = [];
    const warm: number[] = [];
    const nativeMs: number[] = [];
    command(["build", source.file], folder);
    for (let round = 0; round < rounds; round++) {
      cold.push(command(["build", source.file, "--no-cache"], folder));
      cached.push(command(["build", source.file], folder));
      const start = performance.now();
      await builder.compile(source);
      warm.push(performance.now() - start);
      if (clang !== undefined) {
        const line = native.commandLine(clang, join(folder, "native.o"));
        const begin = performance.now();
        execFileSync(clang, [...line], { stdio: "ignore" });
        nativeMs.push(performance.now() - begin);
      }
    }
    const base = clang === undefined ? Number.NaN : median(nativeMs);
    const times: readonly (readonly [string, number])[] = [
      ["build, cold process (ms)", median(cold.map(({ ms }) => ms))],
      ["build, warm process (ms)", median(warm)],
      ["build, cached (ms)", median(cached.map(({ ms }) => ms))],
    ];
    for (const [what, ms] of times) row([name, what, ms, base, ms / base]);
    const peak = median(cold.map(({ kib }) => kib)) / 1024;
    row([name, "build, cold: peak memory (MiB)", peak, nativePeak(clang, native, folder), ""]);
    if (clang !== undefined) {
      const nativeSlots = slots(native.build(clang));
      row([name, "code (slots)", slots(built.object), nativeSlots, slots(built.object) / nativeSlots]);
    }
    native.close();
  } finally {
    await builder.close();
    await compiler.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Native clang's peak memory in MiB. */
function nativePeak(clang: string | undefined, native: NativeUnit, folder: string): number {
  if (clang === undefined) return Number.NaN;
  // ru_maxrss of children is not given by Node: ask the shell's time, and without it say so.
  const time = requireTool("time");
  if (time === undefined) return Number.NaN;
  const { stderr } = spawnSync(
    time,
    ["-f", "%M", clang, ...native.commandLine(clang, join(folder, "native.o"))],
    {
      encoding: "utf8",
    },
  );
  return Number(stderr.trim().split("\n").at(-1)) / 1024;
}

const clang = requireTool("clang-19");
console.log(
  `median of ${rounds} runs; Node ${process.version}, ${clang === undefined ? "no native clang" : "clang-19"}`,
);
row(["program", "what", "bpfkit", "native", "ratio"]);
for (const [name, text] of programs()) await measure(name, text, clang);
const folder = mkdtempSync(join(tmpdir(), "bpfkit-bench-"));
for (const tool of ["biolatency", "execsnoop", "opensnoop"]) {
  command(["run", tool], folder);
  const times = Array.from({ length: rounds }, () => firstOutput(["run", tool], folder));
  row([tool, "run, cached: first output (ms)", median(times), "", ""]);
}
rmSync(folder, { recursive: true, force: true });
await benchThroughput((what, value) => row(["codegen", what, value, "", ""]));
benchGrowth((what, ms, growth) => row(["codegen", what, ms ?? "", "", growth ?? ""]));
row(["rewriting", "the largest BCC tools", "rewrite", "parse", "ratio"]);
await benchRewriting((name, ms, parseMs) =>
  row([name, "rewrite, AST aside (ms)", ms, parseMs, ms / parseMs]),
);
