/** Gets the kernel's BPF selftests, and the headers they need, from Debian's package of the kernel's source. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { BtfTable } from "@bpfkit/elf/btf";
import { printC } from "@bpfkit/elf/btf";
import { findTool } from "../../support/native-tools.ts";

const debianPackage = "linux-source-6.1";
const selftests = "tools/testing/selftests/bpf";
/** What is unpacked; the rest of the kernel stays in the archive and the archive is not kept. */
const wanted = [`${selftests}/*.h`, `${selftests}/progs`, "tools/lib/bpf/*.h", "tools/include"];
const helperPrinter = "scripts/bpf_doc.py";

/** The C files and where their headers are. */
export interface Selftests {
  /** File names without `.c`, sorted. */
  readonly names: readonly string[];
  /** Folder of the C files. */
  readonly folder: string;
  /** For `-I`, in order; vmlinux.h is in the first. */
  readonly includeDirs: readonly string[];
}

/** What is missing on this machine to get the selftests, or undefined. */
export function whyNoSelftests(): string | undefined {
  const missing = ["apt-get", "dpkg-deb", "tar", "xz", "python3"].filter(
    (tool) => findTool(tool) === undefined,
  );
  return missing.length === 0
    ? undefined
    : `${missing.join(", ")} missing: the programs come from Debian's ${debianPackage}`;
}

/** Where sources and native builds are kept between runs. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "bpfkit", "corpus-codegen");
}

/**
 * The selftests, downloaded where they are not in the cache.
 * @param btf the types that vmlinux.h is printed from, by bpfkit's own printer
 * @param say told what takes time
 * @throws Error where the package cannot be downloaded or unpacked
 */
export function fetchSelftests(btf: BtfTable, say: (line: string) => void = () => {}): Selftests {
  const source = join(cacheFolder(), debianPackage);
  if (!existsSync(source)) {
    const start = performance.now();
    say(`downloading ${debianPackage} (about 140 MB, of which 10 MB are unpacked and kept)`);
    atomically(source, download);
    say(`downloaded and unpacked in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  const folder = join(source, selftests, "progs");
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".c"))
    .map((name) => name.slice(0, -2))
    .sort();
  const includeDirs = [
    kernelTypes(btf),
    join(source, "include"),
    join(source, selftests),
    folder,
    join(source, "tools/include/uapi"),
    `/usr/include/${machine()}-linux-gnu`,
    "/usr/include",
  ];
  return { names, folder, includeDirs };
}

/** Debian's name for this machine in paths of headers. */
function machine(): string {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}

function download(target: string): void {
  const run = (program: string, args: readonly string[]): string =>
    execFileSync(program, args, {
      cwd: target,
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
      maxBuffer: 64 << 20,
    });
  try {
    run("apt-get", ["-q", "download", debianPackage]);
  } catch {
    // A list of packages that is older than the archive names a file that is gone.
    run("apt-get", ["-q", "update"]);
    run("apt-get", ["-q", "download", debianPackage]);
  }
  const archive = readdirSync(target).find((name) => name.endsWith(".deb"));
  if (archive === undefined) throw new Error(`apt-get download ${debianPackage} gave no package`);
  const paths = [...wanted, helperPrinter].map((path) => `${debianPackage}/${path}`);
  const unpack = `dpkg-deb --fsys-tarfile "$1" | tar xO "./usr/src/$2.tar.xz" | tar xJ --strip-components=1 --wildcards "\${@:3}"`;
  run("bash", ["-c", `set -o pipefail; ${unpack}`, "bash", archive, debianPackage, ...paths]);
  rmSync(join(target, archive));
  // As libbpf's own build does: the list of helpers is made from the comments in the kernel's header.
  mkdirSync(join(target, "include"));
  renameSync(join(target, "tools/lib/bpf"), join(target, "include/bpf"));
  const helpers = run("python3", [helperPrinter, "--header", "--file", "tools/include/uapi/linux/bpf.h"]);
  writeFileSync(join(target, "include/bpf/bpf_helper_defs.h"), helpers);
}

/** A folder with vmlinux.h. */
function kernelTypes(btf: BtfTable): string {
  const ids = Array.from({ length: btf.typeCount - 1 }, (_, index) => index + 1);
  const text = printC(btf, ids, { preserveAccessIndex: true });
  const guarded = `#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n${text}\n#endif\n`;
  const identity = createHash("sha256").update(guarded).digest("hex").slice(0, 16);
  const folder = join(cacheFolder(), `vmlinux-${identity}`);
  if (!existsSync(folder)) atomically(folder, (target) => writeFileSync(join(target, "vmlinux.h"), guarded));
  return folder;
}

/** Makes a folder whole or not at all. */
function atomically(folder: string, fill: (target: string) => void): void {
  mkdirSync(cacheFolder(), { recursive: true });
  const target = mkdtempSync(join(cacheFolder(), "making-"));
  try {
    fill(target);
    renameSync(target, folder);
  } catch (error) {
    rmSync(target, { recursive: true, force: true });
    throw error;
  }
}

/** The C text of one selftest. */
export function selftestText(tests: Selftests, name: string): string {
  return readFileSync(join(tests.folder, `${name}.c`), "utf8");
}
