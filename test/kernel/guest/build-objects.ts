/** Builds the programs that the guest's cases load. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { type Tool, type ToolProgram, UsageError } from "bpfkit";
import { Builder } from "bpfkit/node";
import { requireTool } from "../../support/native-tools.ts";
import type { GuestBinary, GuestCase } from "./guest-case.ts";
import { objectName } from "./objects.ts";

/** Thrown in place of loading: the program's text is all that is wanted. */
const enough = new UsageError("captured");

function noFile(path: string): never {
  throw new SyscallError("open", Errno.ENOENT, { detail: path });
}

/** The program that a tool opens for a command line. */
async function programOf(tool: Tool, argv: readonly string[]): Promise<ToolProgram> {
  let captured: ToolProgram | undefined;
  const host = {
    write: () => {},
    open: async (program: ToolProgram) => {
      captured = program;
      throw enough;
    },
    kernel: {
      monotonicNs: () => 0n,
      objects: { openPinned: () => 0 },
      readKernelFile: noFile,
      close() {},
    } as never,
    signal: new AbortController().signal,
  };
  try {
    await tool.run(argv, host);
  } catch (error) {
    if (error !== enough) throw error;
  }
  if (captured === undefined) throw new Error(`${tool.name} opened no program`);
  return captured;
}

/** Compiles a program that needs no library. @throws Error where there is no clang */
function compileBinary({ name, text }: GuestBinary): Uint8Array {
  const clang = requireTool("clang-19");
  if (clang === undefined) throw new Error(`the guest's program ${name} needs clang-19`);
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-guest-program-"));
  try {
    const output = join(folder, name);
    const options = [
      "-O1",
      "-nostdlib",
      "-static",
      "-ffreestanding",
      "-fno-stack-protector",
      "-Wl,-e,_start",
    ];
    execFileSync(clang, [...options, "-x", "c", "-", "-o", output], {
      input: text,
      stdio: ["pipe", "ignore", "inherit"],
    });
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Objects of all cases, by the names under which the guest looks for them. Results are kept in the build cache. */
export async function buildObjects(cases: readonly GuestCase[]): Promise<Map<string, Uint8Array>> {
  const builder = new Builder();
  const objects = new Map<string, Uint8Array>();
  try {
    for (const { programs = [], binaries = [], tool } of cases) {
      for (const binary of binaries) objects.set(binary.name, compileBinary(binary));
      const all = tool === undefined ? programs : [...programs, await programOf(tool.tool, tool.argv)];
      for (const program of all) {
        const name = objectName(program);
        if (objects.has(name)) continue;
        const { file, text, defines = [] } = program;
        objects.set(name, (await builder.build({ file, text }, defines)).object);
      }
    }
  } finally {
    await builder.close();
  }
  return objects;
}
