/** Gets the kernel's BPF selftests and samples, and the headers they need, from Debian's package of the kernel's source. */
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
import { basename, dirname, join } from "node:path";
import type { BtfTable } from "@bpfkit/elf/btf";
import { printC } from "@bpfkit/elf/btf";
import { findTool } from "../../support/native-tools.ts";

const debianPackage = "linux-source-6.1";
const selftests = "tools/testing/selftests/bpf";
/** What is unpacked; the rest of the kernel stays in the archive and the archive is not kept. */
const wanted = [
  ...[`${selftests}/*.h`, `${selftests}/progs`, "tools/lib/bpf/*.h", "tools/include"],
  ...["samples/bpf", "include/uapi"],
];
const helperPrinter = "scripts/bpf_doc.py";

/** The C files and where their headers are. */
export interface Selftests {
  /** File names without `.c`, sorted: first the selftests, then the samples. */
  readonly names: readonly string[];
  /** The C file of each. */
  readonly files: ReadonlyMap<string, string>;
  /** For `-I`, in order; vmlinux.h is in the first. */
  readonly includeDirs: readonly string[];
  /** For `-include`: samples that are written for the kernel's own headers get a few of their names. */
  preIncludes(name: string): readonly string[];
}

/**
 * What the samples take from the kernel's own headers, which do not compile for BPF: types, numbers and attributes. Values are
 * the ABI's (Linux 6.1, include/linux and include/uapi).
 */
const samplePrelude = `#include <linux/types.h>
#include <linux/errno.h>
#include <linux/tcp.h>
#include <asm/socket.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
struct vlan_hdr { __be16 h_vlan_TCI; __be16 h_vlan_encapsulated_proto; };
#define TASK_COMM_LEN 16
#define AF_INET 2
#define AF_INET6 10
#define PF_INET AF_INET
#define PF_INET6 AF_INET6
#define SOCK_RAW 3
#define SOL_IP 0
#define SOL_TCP 6
#define SOL_IPV6 41
#define htons(x) __builtin_bswap16(x)
#define htonl(x) __builtin_bswap32(x)
#define ntohs(x) __builtin_bswap16(x)
#define ntohl(x) __builtin_bswap32(x)
#define cpu_to_be32(x) __builtin_bswap32(x)
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define min(x, y) ((x) < (y) ? (x) : (y))
#define __packed __attribute__((packed))
#define __force
#define __user
`;

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
  const source = join(cacheFolder(), `${debianPackage}-${digest(wanted.join(" "))}`);
  if (!existsSync(source)) {
    const start = performance.now();
    say(`downloading ${debianPackage} (about 140 MB, of which 15 MB are unpacked and kept)`);
    atomically(source, download);
    say(`downloaded and unpacked in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  const folder = join(source, selftests, "progs");
  const samples = join(source, "samples/bpf");
  const prelude = folderWith("samples", { "prelude.h": samplePrelude, "linux/compiler.h": "" });
  const paths = [
    ...cFiles(folder, /\.c$/),
    // The others are programs of user space.
    ...cFiles(samples, /(?:_kern|\.bpf)\.c$/),
  ];
  const files = new Map(paths.map((path) => [basename(path, ".c"), path]));
  const includeDirs = [
    folderWith("vmlinux", { "vmlinux.h": kernelTypes(btf) }),
    join(source, "include"),
    join(source, selftests),
    folder,
    join(source, "tools/include/uapi"),
    `/usr/include/${machine()}-linux-gnu`,
    "/usr/include",
    samples,
    prelude,
  ];
  const preIncludes = (name: string): readonly string[] => {
    const path = files.get(name) ?? "";
    if (!path.startsWith(samples)) return [];
    return /vmlinux\.h|\.bpf\.h/.test(readFileSync(path, "utf8")) ? [] : [join(prelude, "prelude.h")];
  };
  return { names: [...files.keys()], files, includeDirs, preIncludes };
}

function cFiles(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(folder, name));
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
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
  renameSync(join(target, "tools/lib/bpf"), join(target, "include/bpf"));
  const helpers = run("python3", [helperPrinter, "--header", "--file", "tools/include/uapi/linux/bpf.h"]);
  writeFileSync(join(target, "include/bpf/bpf_helper_defs.h"), helpers);
}

/** The text of vmlinux.h. */
function kernelTypes(btf: BtfTable): string {
  const ids = Array.from({ length: btf.typeCount - 1 }, (_, index) => index + 1);
  const text = printC(btf, ids, { preserveAccessIndex: true });
  return `#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n${text}\n#endif\n`;
}

/** A folder in the cache with these files, named after what is in them. */
function folderWith(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(cacheFolder(), `${name}-${digest(Object.values(files).join("\0"))}`);
  if (!existsSync(folder))
    atomically(folder, (target) => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(target, path)), { recursive: true });
        writeFileSync(join(target, path), text);
      }
    });
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
