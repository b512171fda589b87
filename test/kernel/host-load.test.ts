/**
 * Objects are real: LLVM's and the kernel's own tools read them, and the kernel of this machine loads them. Programs are
 * only loaded and pinned in a private bpffs, never attached.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tools } from "@bpfkit/tools";
import { type Tool, UsageError } from "bpfkit";
import { Builder } from "bpfkit/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";
import { ToolRunner } from "../support/tool-run.ts";

const runner = new ToolRunner();
const profile = new Builder({ cache: false }).profile;
const test = suite<{ folder: string }>("host kernel");
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "bpfkit-load-"));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));
test.after(() => runner.close());

/** Command lines whose programs differ. */
const variants: Readonly<Record<string, readonly (readonly string[])[]>> = {
  biolatency: [[], ["-D"], ["-F", "-m"], ["-e"], ["-d", "sda"]],
  execsnoop: [[], ["-u", "1000", "--max-args", "5"]],
  opensnoop: [[], ["-p", "1", "-u", "0"], ["-f", "O_WRONLY"]],
  profile: [[], ["-p", "1,2", "-U"], ["-L", "7", "-K", "-I", "--stack-storage-size", "999"]],
  runqlat: [[], ["-P"], ["-L", "-p", "1"], ["--pidnss", "-m"]],
  tcpconnect: [[], ["-c", "-6"], ["-d", "-p", "1", "-u", "0", "-P", "80,443"]],
  tcplife: [[], ["-p", "1", "-L", "80", "-D", "1,2", "-4"]],
  syscount: [[], ["-L"], ["-P", "-x", "-c", "1"], ["--syscall", "read", "-e", "EIO"]],
};

/** profile never looks into a kernel struct, syscount only with -c. */
const readsKernelStructs = ({ name }: Tool, argv: readonly string[]): boolean =>
  name !== "profile" && (name !== "syscount" || argv.includes("-c"));

/** Thrown in place of loading: the object is all that is wanted. */
const enough = new UsageError("built");

async function objectOf(tool: Tool, argv: readonly string[]): Promise<Uint8Array> {
  let object: Uint8Array | undefined;
  const host = {
    write: () => {},
    open: async (program: Parameters<typeof runner.object>[0]) => {
      object = await runner.object(program);
      throw enough;
    },
    kernel: {
      monotonicNs: () => 0n,
      release: profile.release,
      readKernelFile: () => new TextEncoder().encode("   8       0 sda 1 2 3\n"),
    } as never,
    signal: new AbortController().signal,
  };
  try {
    await tool.run(argv, host);
  } catch (error) {
    if (error !== enough) throw error;
  }
  if (object === undefined) throw new Error(`${tool.name} opened no program`);
  return object;
}

const run = (program: string, args: readonly string[]) =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 64 << 20 });

for (const tool of tools) {
  for (const argv of variants[tool.name] ?? [[]]) {
    const name = [tool.name, ...argv].join(" ");

    test(`${name}: readelf, objdump and bpftool read the object`, async ({ folder }) => {
      const path = join(folder, "tool.o");
      writeFileSync(path, await objectOf(tool, argv));
      const readelf = requireTool("llvm-readelf-19");
      const objdump = requireTool("llvm-objdump-19");
      const bpftool = requireTool("bpftool");
      if (readelf !== undefined) {
        const text = run(readelf, ["-a", "--wide", path]);
        assert.match(text, /Machine: +EM_BPF/);
        assert.not.match(text, /warning:|error:/);
      }
      if (objdump !== undefined) {
        const text = run(objdump, ["-dr", path]);
        assert.match(text, /<\w+>:/);
        if (readsKernelStructs(tool, argv)) assert.match(text, /CO-RE <byte_off>/);
        assert.not.match(text, /<unknown>/);
      }
      if (bpftool !== undefined) {
        const text = run(bpftool, ["btf", "dump", "file", path]);
        assert.match(text, /DATASEC '\.maps'/);
        assert.match(text, /FUNC '/);
      }
    });

    test(`${name}: the kernel loads it`, async ({ folder }) => {
      const bpftool = requireTool("bpftool");
      if (bpftool === undefined) return;
      if (!canLoadBpf()) {
        if (process.env["CI"] !== undefined)
          throw new Error("this machine's kernel does not let us load programs");
        process.stderr.write("SKIPPED: loading into this machine's kernel needs root and BPF\n");
        return;
      }
      const path = join(folder, "tool.o");
      const mounted = join(folder, "bpf");
      writeFileSync(path, await objectOf(tool, argv));
      mkdirSync(mounted);
      run("mount", ["-t", "bpf", "bpf", mounted]);
      try {
        run(bpftool, ["prog", "loadall", path, join(mounted, "programs")]);
        assert.ok(readdirSync(join(mounted, "programs")).length > 0);
      } finally {
        run("umount", [mounted]);
      }
    });
  }
}

test.run();
