/** Makes the guest's initial RAM disk: busybox, Node with its libraries, the built packages, objects, the agent. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, closeSync, copyFileSync, cpSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { installPackages } from "./installed-packages.ts";
import type { GuestKernel } from "./kernel-package.ts";
import { moduleFiles } from "./modules.ts";

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
}

const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
stty -F /dev/console cols 4096 2>/dev/null
node /bpfkit/agent/agent.js
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
  writeFileSync(join(root, "init"), init, { mode: 0o755 });
  writeFileSync(join(root, "etc/guest-file"), "opened by a test\n");
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/tmp:/bin/sh\n");
  installPackages(["@bpfkit/cli", "koffi"], repository, join(root, "bpfkit"));
  cpSync(join(repository, "templates"), join(root, "bpfkit/node_modules/@bpfkit/cli/templates"), {
    recursive: true,
  });
  buildAgent(join(root, "bpfkit/agent"));
  for (const [name, bytes] of parts.objects) writeFileSync(join(root, "objects", name), bytes);
  const modules = moduleFiles(parts.kernel.modules, "null_blk");
  for (const path of modules) cpSync(path, join(root, "modules", basename(path)));
  writeFileSync(join(root, "modules/order"), modules.map((path) => `${basename(path)}\n`).join(""));
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

/** A busybox that needs libraries would not start in the guest. */
export function isStatic(path: string): boolean {
  // ldd fails for programs that need no library.
  return spawnSync("ldd", [path], { stdio: "ignore" }).status !== 0;
}
