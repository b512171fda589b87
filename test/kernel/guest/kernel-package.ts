/** Debian's cloud kernel for the guest: downloaded once, unpacked, never installed. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** An unpacked kernel. */
export interface GuestKernel {
  readonly image: string;
  /** The folder with `kernel/`, the modules. */
  readonly modules: string;
  readonly release: string;
}

const metaPackage = "linux-image-cloud-amd64";

function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "bpfkit-test", "kernels");
}

const run = (program: string, args: readonly string[], cwd?: string): string =>
  execFileSync(program, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd ? { cwd } : {}),
  });

/** The package of the current ABI, which the meta package depends on; undefined where apt does not know one. */
function currentPackage(): string | undefined {
  const text = run("apt-cache", ["depends", metaPackage]);
  return /Depends: (linux-image-6\.1\.[0-9-]*-cloud-amd64)$/m.exec(text)?.[1];
}

function download(packageName: string, folder: string): void {
  // The sandbox user of apt may not write into this folder.
  run("apt-get", ["-q", "-o", "APT::Sandbox::User=root", "download", packageName], folder);
  const file = readdirSync(folder).find((name) => name.endsWith(".deb"));
  if (file === undefined) throw new Error(`apt-get download ${packageName} brought nothing`);
  run("dpkg-deb", ["-x", join(folder, file), folder]);
  rmSync(join(folder, file));
}

/** Downloads once more with fresh lists where the first attempt failed: mirrors keep the newest version only. */
function downloadFresh(folder: string): string {
  const first = currentPackage();
  try {
    if (first === undefined) throw new Error(`apt knows no ${metaPackage}`);
    download(first, folder);
    return first;
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    run("apt-get", ["update", "-qq"]);
    const second = currentPackage();
    if (second === undefined) throw new Error(`apt knows no ${metaPackage}`, { cause: error });
    download(second, folder);
    return second;
  }
}

function unpacked(folder: string): GuestKernel {
  const file = readdirSync(join(folder, "boot")).find((name) => name.startsWith("vmlinuz-"));
  if (file === undefined) throw new Error(`${folder} has no kernel image`);
  const release = file.slice("vmlinuz-".length);
  return { image: join(folder, "boot", file), modules: join(folder, "lib/modules", release), release };
}

/** The kernel, from the cache or from Debian's mirrors. @throws Error where neither has it */
export function guestKernel(): GuestKernel {
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true });
  const known = currentPackage();
  if (known !== undefined && existsSync(join(cache, known))) return unpacked(join(cache, known));
  const folder = mkdtempSync(join(cache, "download-"));
  try {
    const name = downloadFresh(folder);
    const target = join(cache, name);
    if (!existsSync(target)) renameSync(folder, target);
    return unpacked(target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
