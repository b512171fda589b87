/** Debian's clang, bpftool and this machine's verifier, as processes beside the run. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, type Selftests } from "./selftests.ts";

interface Ended {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

const mostMilliseconds = 120_000;

/** Runs a program to its end. A status of -1: killed after two minutes. */
function run(program: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 512 << 20, timeout: mostMilliseconds, encoding: "utf8" } as const;
    execFile(program, args, options, (error, output, errors) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ status, output, errors });
    });
  });
}

/** Macros that both compilers get. */
export const targetDefines: readonly string[] = [
  process.arch === "arm64" ? "__TARGET_ARCH_arm64" : "__TARGET_ARCH_x86",
];

/** Builds selftests with native clang; objects are kept in the cache. */
export class NativeBuilds {
  readonly #clang: string;
  readonly #tests: Selftests;
  readonly #options: readonly string[];
  #folder: string | undefined;

  constructor(clang: string, tests: Selftests) {
    this.#clang = clang;
    this.#tests = tests;
    this.#options = [
      ...["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wno-everything"],
      // Else what no header declares is called as if it were a function of the object.
      "-Werror=implicit-function-declaration",
      ...targetDefines.map((define) => `-D${define}`),
      ...tests.includeDirs.map((folder) => `-I${folder}`),
    ];
  }

  /** The object's path, or the compiler's first error. */
  async build(name: string): Promise<{ readonly file: string } | { readonly error: string }> {
    this.#folder ??= await this.#objects();
    const file = join(this.#folder, `${name}.o`);
    if (existsSync(file)) return { file };
    const unfinished = `${file}.${process.pid}`;
    const source = this.#tests.files.get(name) ?? name;
    const before = this.#tests.preIncludes(name).flatMap((path) => ["-include", path]);
    const args = [...this.#options, ...before, "-c", source, "-o", unfinished];
    const { status, errors } = await run(this.#clang, args);
    if (status === 0) {
      renameSync(unfinished, file);
      return { file };
    }
    rmSync(unfinished, { force: true });
    const first = errors.split("\n").find((line) => line.includes("error: "));
    return { error: first?.replace(/^.*error: /, "") ?? `clang ended with ${status}` };
  }

  /** A folder for what this compiler makes with these options. */
  async #objects(): Promise<string> {
    const { output } = await run(this.#clang, ["--version"]);
    const identity = createHash("sha256")
      .update(`${output}\0${this.#options.join("\0")}`)
      .digest("hex");
    const folder = join(cacheFolder(), `native-${identity.slice(0, 16)}`);
    mkdirSync(folder, { recursive: true });
    return folder;
  }
}

/** The bytes of an object file. */
export function objectBytes(file: string): Uint8Array {
  return new Uint8Array(readFileSync(file));
}

/** `bpftool btf dump` of an object as JSON. @throws Error with bpftool's message */
export async function btfDump(bpftool: string, file: string): Promise<string> {
  const { status, output, errors } = await run(bpftool, ["-j", "btf", "dump", "file", file]);
  if (status !== 0) throw new Error(`bpftool cannot read the BTF: ${`${output}${errors}`.trim()}`);
  return output;
}

/**
 * Why the kernel of this machine refuses an object; undefined where it takes all programs. Nothing is attached, and the
 * pins, those that the object asks for too, are in a bpffs that ends with its mount namespace.
 */
export async function loadRefusal(bpftool: string, file: string): Promise<string | undefined> {
  const script = 'mount -t bpf none /sys/fs/bpf && exec "$1" prog loadall "$2" /sys/fs/bpf/programs';
  const ended = await run("unshare", ["-m", "sh", "-c", script, "sh", bpftool, file]);
  if (ended.status === 0) return undefined;
  if (ended.status === -1) return "no answer in two minutes";
  const lines = ended.errors.split("\n").map((line) => line.trim());
  const processed = lines.findLastIndex((line) => line.startsWith("processed "));
  if (processed > 0) return lines[processed - 1] ?? "";
  const telling = lines.find((line) => /^libbpf: .*(?:failed|error)/.test(line));
  return (telling ?? lines.findLast((line) => line !== "") ?? "").replace(/^libbpf: /, "");
}
