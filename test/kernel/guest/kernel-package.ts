/** Debian's cloud kernels for the guest: downloaded once, unpacked, never installed. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { PackageSource, systemPackages } from "./package-source.ts";

/** An unpacked kernel. */
export interface GuestKernel {
  readonly image: string;
  /** The folder with `kernel/`, the modules. */
  readonly modules: string;
  readonly release: string;
}

/** `stable` is Debian 12's 6.1, `backports` the newest that Debian 12 has. */
export type KernelChoice = "stable" | "backports";

const metaPackage = "linux-image-cloud-amd64";

function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "bpfkit-test", "kernels");
}

const sources: Readonly<Record<KernelChoice, () => PackageSource>> = {
  stable: systemPackages,
  backports: () => new PackageSource("bookworm-backports"),
};

const wanted: Readonly<Record<KernelChoice, RegExp>> = {
  stable: /Depends: (linux-image-6\.1\.[0-9-]*-cloud-amd64)$/m,
  backports: /Depends: (linux-image-[6-9]\.[0-9.]+\S*-cloud-amd64)$/m,
};

/** Downloads once more with fresh lists where the first attempt failed: mirrors keep the newest version only. */
function downloadFresh(
  source: PackageSource,
  current: (source: PackageSource) => string | undefined,
  folder: string,
): string {
  const unpack = (): string => {
    const name = current(source);
    if (name === undefined) throw new Error(`apt knows no such package in ${source.description}`);
    source.unpack(name, folder);
    return name;
  };
  try {
    return unpack();
  } catch (error) {
    if (process.getuid?.() !== 0 && !source.isPrivate) throw error;
    source.update();
    return unpack();
  }
}

function unpacked(folder: string): GuestKernel {
  const file = readdirSync(join(folder, "boot")).find((name) => name.startsWith("vmlinuz-"));
  if (file === undefined) throw new Error(`${folder} has no kernel image`);
  const release = file.slice("vmlinuz-".length);
  // Packages that know of the merged /usr name the folder by its new place.
  const places = ["lib/modules", "usr/lib/modules"].map((place) => join(folder, place, release));
  const modules = places.find((place) => existsSync(join(place, "kernel")));
  if (modules === undefined) throw new Error(`${folder} has no modules`);
  return { image: join(folder, "boot", file), modules, release };
}

/** The kernel, from the cache or from Debian's mirrors. @throws Error where neither has it */
export function guestKernel(choice: KernelChoice = "stable"): GuestKernel {
  return unpacked(cached(sources[choice](), (source) => source.dependency(metaPackage, wanted[choice])));
}

/** A program of Debian 12's backports, as new as their kernel. @param path in its package @throws Error */
export function backportsProgram(packageName: string, path: string): string {
  const known = (source: PackageSource): string | undefined => {
    const version = source.version(packageName);
    return version === undefined ? undefined : `${packageName}=${version}`;
  };
  return join(cached(sources.backports(), known), path);
}

/** Where a package is unpacked. @param current tells the package, undefined where the source knows none */
function cached(source: PackageSource, current: (source: PackageSource) => string | undefined): string {
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true });
  const known = current(source);
  if (known !== undefined && existsSync(join(cache, known))) return join(cache, known);
  const folder = mkdtempSync(join(cache, "download-"));
  try {
    const target = join(cache, downloadFresh(source, current, folder));
    if (!existsSync(target)) renameSync(folder, target);
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
