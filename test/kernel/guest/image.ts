/** Makes the guest's initial RAM disk: busybox, Node with its libraries, the built packages, objects, the agent. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { installPackages } from "./installed-packages.ts";
import type { GuestKernel } from "./kernel-package.ts";
import { type ModuleFile, moduleFiles } from "./modules.ts";

const repository = resolve(import.meta.dirname, "../../..");

/** What goes into the image. */
export interface ImageParts {
  readonly kernel: GuestKernel;
  /** Path of a static busybox. */
  readonly busybox: string;
  /** Path of cpio. */
  readonly cpio: string;
  /** Object files by name. */
  readonly objects: ReadonlyMap<string, Uint8Array>;
  /** Which agent runs, without extension; `agent` unless told otherwise. */
  readonly agent?: string;
  /** Modules that are copied to /modules, with what they need, in the order in which they are to be inserted. */
  readonly kernelModules?: readonly string[];
  /** Arguments of the command whose builds go into /cache; `folder` is where it runs. */
  readonly cachedRuns?: readonly { readonly words: readonly string[]; readonly folder: string }[];
  /** Whether the compiler goes along, for builds in the guest. */
  readonly hasCompiler?: boolean;
  /** Programs of this machine that go along with their libraries, by their path there. */
  readonly programs?: ReadonlyMap<string, string>;
  /** More files, by path from the root. */
  readonly files?: ReadonlyMap<string, string | Uint8Array>;
}

const init = (agent: string): string => `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
ip link set lo up
stty -F /dev/console cols 4096 2>/dev/null
node /bpfkit/agent/${agent}.js
echo "agent ended with $?"
poweroff -f
`;

/** Copies a program and the libraries that ldd names, to the places where they are here. */
function copyProgram(path: string, target: string, root: string): void {
  copyTo(path, join(root, target));
  chmodSync(join(root, target), 0o755);
  for (const [, library] of execFileSync("ldd", [path], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g)) {
    if (library !== undefined) copyTo(library, join(root, library));
  }
}

function copyTo(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
}

/** Builds with the packages as the guest has them, by running in the VM: what is run decides the cache's keys. */
function fillCache({ cachedRuns = [], hasCompiler = false }: ImageParts, root: string): void {
  const packages = join(root, "bpfkit/node_modules");
  const scope = join(packages, "@yowasp");
  const compiler = join(repository, "node_modules/@yowasp/clang");
  mkdirSync(scope);
  if (hasCompiler) cpSync(compiler, join(scope, "clang"), { recursive: true });
  else symlinkSync(compiler, join(scope, "clang"));
  for (const { words, folder } of cachedRuns) {
    execFileSync(process.execPath, [join(packages, "@bpfkit/cli/bin/bpfkit.cjs"), "run", ...words], {
      cwd: join(root, folder),
      env: { ...process.env, XDG_CACHE_HOME: join(root, "cache") },
      stdio: ["ignore", "ignore", "pipe"],
    });
  }
  if (!hasCompiler) rmSync(scope, { recursive: true });
}

/** Compiles the agent and the cases against the built packages. */
function buildAgent(target: string): void {
  const compiler = join(repository, "node_modules/.bin/tsc");
  execFileSync(compiler, ["-p", join(import.meta.dirname, "tsconfig.json"), "--outDir", target], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** Writes the image. @param folder to work in; the caller removes it */
export function makeImage(parts: ImageParts, folder: string): string {
  const root = join(folder, "root");
  for (const name of ["bin", "proc", "sys", "dev", "tmp", "etc", "objects", "modules"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  copyTo(parts.busybox, join(root, "bin/busybox"));
  chmodSync(join(root, "bin/busybox"), 0o755);
  copyProgram(process.execPath, "usr/bin/node", root);
  for (const [target, path] of parts.programs ?? []) copyProgram(path, target, root);
  writeFileSync(join(root, "init"), init(parts.agent ?? "agent"), { mode: 0o755 });
  writeFileSync(join(root, "etc/guest-file"), "opened by a test\n");
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/tmp:/bin/sh\n");
  installPackages(["@bpfkit/cli", "koffi"], repository, join(root, "bpfkit"));
  // Packing puts them there.
  cpSync(join(repository, "templates"), join(root, "bpfkit/node_modules/@bpfkit/cli/templates"), {
    recursive: true,
  });
  buildAgent(join(root, "bpfkit/agent"));
  // Some of them are programs.
  for (const [name, bytes] of parts.objects)
    writeFileSync(join(root, "objects", name), bytes, { mode: 0o755 });
  for (const [path, content] of parts.files ?? []) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  if (parts.cachedRuns !== undefined) fillCache(parts, root);
  copyModules(parts, join(root, "modules"));
  const image = join(folder, "root.cpio");
  const output = openSync(image, "w");
  try {
    const names = execFileSync("find", ["."], { cwd: root });
    execFileSync(parts.cpio, ["-o", "-H", "newc", "--quiet"], {
      cwd: root,
      input: names,
      stdio: ["pipe", output, "inherit"],
    });
  } finally {
    closeSync(output);
  }
  return image;
}

/** Modules, a list of all in order, and for each wanted one a list of what it needs. */
function copyModules({ kernel, kernelModules = ["null_blk"] }: ImageParts, target: string): void {
  const list = (name: string, files: readonly ModuleFile[]): void =>
    writeFileSync(join(target, name), files.map((file) => `${file.name}\n`).join(""));
  const all = moduleFiles(kernel.modules, kernelModules);
  for (const { name, bytes } of all) writeFileSync(join(target, name), bytes);
  list("order", all);
  for (const wanted of kernelModules) list(`${wanted}.order`, moduleFiles(kernel.modules, [wanted]));
}

/** A busybox that needs libraries would not start in the guest. */
export function isStatic(path: string): boolean {
  // ldd fails for programs that need no library.
  return spawnSync("ldd", [path], { stdio: "ignore" }).status !== 0;
}
