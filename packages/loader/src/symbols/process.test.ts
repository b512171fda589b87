/** Tests of names in running processes: files by path, deleted ones, other mount namespaces, the vDSO, compiled code. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findTool, requireTool } from "../../../../test/support/native-tools.ts";
import { demangler } from "../linux/demangle.ts";
import { openFile } from "../linux/files.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { UserSymbols } from "./user-symbols.ts";

/** This machine's files, without the privileges that its kernel asks for. */
class FilesOnly extends RecordingKernel {
  readonly demangle = demangler();
  override openFile(path: string) {
    return openFile(path);
  }
  override readKernelFile(path: string): Uint8Array {
    return new Uint8Array(readFileSync(path));
  }
  override monotonicNs(): bigint {
    return process.hrtime.bigint();
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly places: ReadonlyMap<string, bigint>;
  readonly pid: number;
}

/** Starts the program and reads the addresses that it prints. */
async function start(command: string, words: readonly string[]): Promise<Running> {
  const child = spawn(command, words, { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (/^pid \d+$/m.test(text) && text.endsWith("\n")) break;
  }
  const places = new Map<string, bigint>();
  for (const [, name = "", address = "0"] of text.matchAll(/^(\w+) (0x[0-9a-f]+)$/gm)) {
    places.set(name, BigInt(address));
  }
  return { child, places, pid: Number(/^pid (\d+)$/m.exec(text)?.[1]) };
}

async function stop({ child }: Running): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.stdin?.end();
  await ended;
}

const options = { showModule: true, showOffset: true };

function checkNames(symbols: UserSymbols, { places, pid }: Running, module: string): void {
  const at = (name: string, offset: bigint) => symbols.name((places.get(name) ?? 0n) + offset, pid, options);
  assert.is(at("local_function", 2n), `local_function+0x2 [${module}]`);
  assert.is(at("global_function", 0n), `global_function+0x0 [${module}]`);
  assert.is(at("strlen_or_alike", 1n), "qsort+0x1 [libc.so.6]");
  assert.is(at("compiled", 0x3fn), `LazyCompile:*hot /app.js:3:7+0x3f [perf-${pid}.map]`);
  assert.is(at("compiled", 0x40n), "[unknown]");
}

const compiler = requireTool("clang-19");
const nm = requireTool("nm");
if (compiler !== undefined && nm !== undefined && process.platform === "linux") {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-process-"));
  const source = join(import.meta.dirname, "testdata/addresses.c");
  const program = join(folder, "addresses");
  const build = () => execFileSync(compiler, ["-O1", "-fPIE", "-pie", source, "-o", program]);

  test("functions of a running program, its C library, its compiled code and the vDSO", async () => {
    build();
    const running = await start(program, []);
    const symbols = new UserSymbols(new FilesOnly());
    try {
      checkNames(symbols, running, "addresses");
      const vdso = running.places.get("vdso") ?? 0n;
      const names = new Set<string>();
      for (let at = 0n; at < 0x1800n; at += 16n) names.add(symbols.name(vdso + at, running.pid));
      assert.ok(names.has("__vdso_gettimeofday"), [...names].join(" "));
      assert.is(symbols.name(0x10n, running.pid, options), "[unknown]");
      await stop(running);
      // What is known of a process outlives it.
      checkNames(symbols, running, "addresses");
      assert.is(symbols.name(0x1234n, 2 ** 30), "[unknown]");
    } finally {
      symbols.close();
      running.child.kill();
    }
  });

  test("a process id that belongs to another program after exec", async () => {
    build();
    const script = `echo pid $$; read go; exec ${program}`;
    const child = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
    const symbols = new UserSymbols(new FilesOnly());
    const lines: string[] = [];
    child.stdout.setEncoding("utf8").on("data", (text: string) => lines.push(text));
    const until = async (pattern: RegExp) => {
      while (!pattern.test(lines.join(""))) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    try {
      await until(/pid \d+\n/);
      const pid = Number(/pid (\d+)/.exec(lines.join(""))?.[1]);
      assert.is(symbols.name(0x10n, pid), "[unknown]");
      child.stdin.write("go\n");
      await until(/vdso .*\npid/);
      await new Promise((resolve) => setTimeout(resolve, 250));
      const address = BigInt(/global_function (0x[0-9a-f]+)/.exec(lines.join(""))?.[1] ?? "0");
      assert.is(symbols.name(address, pid, options), "global_function+0x0 [addresses]");
    } finally {
      symbols.close();
      child.stdin.end();
      child.kill();
    }
  });

  const unshare = findTool("unshare");
  const isRoot = process.getuid?.() === 0;
  if (isRoot && unshare !== undefined) {
    test("a program that was deleted or replaced after it started", async () => {
      build();
      const running = await start(program, []);
      rmSync(program);
      const symbols = new UserSymbols(new FilesOnly());
      try {
        checkNames(symbols, running, "addresses");
        // Another file under the old name must not be taken for it.
        execFileSync(compiler, ["-O0", "-DX", "-x", "c", "-", "-o", program], {
          input: "int before_all(void) { return 1; }\nint main(void) { return before_all(); }\n",
        });
        const fresh = new UserSymbols(new FilesOnly());
        checkNames(fresh, running, "addresses");
        fresh.close();
      } finally {
        symbols.close();
        await stop(running);
      }
    });

    test("a program that only its own mount namespace has, in a PID namespace of its own", async () => {
      build();
      const mount = join(folder, "private");
      mkdirSync(mount);
      const steps = `mount -t tmpfs none ${mount} && cp ${program} ${mount}/inside && echo outer $$ && exec ${mount}/inside`;
      const words = ["--mount", "--pid", "--fork", "/bin/sh", "-c", steps];
      const running = await start(unshare, words);
      const symbols = new UserSymbols(new FilesOnly());
      try {
        assert.is(running.pid, 1);
        const children = readFileSync(
          `/proc/${running.child.pid}/task/${running.child.pid}/children`,
          "utf8",
        );
        const pid = Number(children.trim());
        const at = (name: string) => symbols.name(running.places.get(name) ?? 0n, pid, options);
        assert.is(at("global_function"), "global_function+0x0 [inside]");
        assert.is(at("compiled"), "LazyCompile:*hot /app.js:3:7+0x0 [perf-1.map]");
      } finally {
        symbols.close();
        await stop(running);
      }
    });
  } else {
    process.stderr.write("SKIPPED: names in other mount namespaces need root and unshare\n");
  }

  test.after(() => rmSync(folder, { recursive: true, force: true }));
}

test.run();
