/** The simulated machine's programs: LLVM's tools read their files, and processes map them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { boot } from "./boot.ts";

const test = suite("programs in user space");
const library = "/usr/lib/x86_64-linux-gnu/libc.so.6";

test("a program's file is an ELF file with a symbol for each function", () => {
  const readelf = requireTool("llvm-readelf-19");
  if (readelf === undefined) return;
  const file = boot("exec", "interpreter").openFile(library);
  assert.ok(file);
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-elf-"));
  try {
    const path = join(folder, "library");
    writeFileSync(path, file.read(0, file.sizeBytes));
    const text = execFileSync(readelf, ["-a", "--wide", path], { encoding: "utf8", stdio: "pipe" });
    assert.not.match(text, /warning|error/i);
    assert.match(text, /Type: +DYN/);
    assert.match(text, /LOAD +0x001000 0x0*1000 0x0*1000 0x0*[0-9a-f]+ 0x0*[0-9a-f]+ R E/);
    assert.match(text, /0*1000 +256 FUNC +GLOBAL DEFAULT +1 read$/m);
    assert.match(text, /256 FUNC +GLOBAL DEFAULT +1 __libc_start_call_main$/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("processes that are alive have files in /proc, others have none", async () => {
  const kernel = boot("system-calls", "interpreter");
  await kernel.wait([], 1000);
  const text = (path: string) => new TextDecoder().decode(kernel.readKernelFile(path));
  const find = kernel.groundTruth.systemCalls.find(({ comm }) => comm === "find");
  assert.ok(find);
  assert.is(text(`/proc/${find.pid}/comm`), "find\n");
  const maps = text(`/proc/${find.pid}/maps`).trim().split("\n");
  assert.match(maps[0] ?? "", /^[0-9a-f]+-[0-9a-f]+ r-xp 00001000 08:02 \d+ \/usr\/bin\/find$/);
  assert.match(maps[1] ?? "", /\/libc\.so\.6$/);
  const inode = Number(/ (\d+) \/usr\/bin/.exec(maps[0] ?? "")?.[1]);
  assert.is(kernel.openFile(`/proc/${find.pid}/root/usr/bin/find`)?.inode, inode);
  assert.match(text(`/proc/${find.pid}/stat`), new RegExp(`^${find.pid} \\(find\\) [RS] ${find.ppid} `));
  assert.is(text(`/proc/${find.pid}/stat`).trim().split(" ").length, 52);
  assert.is(kernel.openFile("/usr/bin/no-such-program"), undefined);
  await kernel.wait([], 3000);
  assert.throws(() => text(`/proc/${find.pid}/comm`), /ENOENT/);
  kernel.shutdown();
});

test.run();
