/** BCC, libbpf-tools and bpftrace from Debian's packages: downloaded once, unpacked, never installed; a disk for the guest. */
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
  symlinkSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The tools, and the libraries that they load (of what their packages depend on, what is used at run time). */
const tools = ["python3-bpfcc", "bpfcc-tools", "libbpf-tools", "bpftrace", "python3-netaddr"];
const libraries = [
  ...[
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libexpat1",
    "libffi8",
    "libssl3",
  ],
  ...["libbpfcc", "libbpf1", "libclang-cpp14", "libclang1-14", "libllvm14", "libelf1", "libdw1", "libedit2"],
  ...[
    "libxml2",
    "libicu72",
    "libz3-4",
    "libbsd0",
    "libmd0",
    "libtinfo6",
    "libbz2-1.0",
    "liblzma5",
    "libzstd1",
  ],
  ...["zlib1g", "libstdc++6", "libgcc-s1", "libc6"],
];

/** Folders that nobody reads. */
const leftOut = ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian"];

/** Unpacked peers. */
export interface Peers {
  /** A root folder to chroot into. */
  readonly root: string;
  /** The same as a disk image of ext4. */
  readonly disk: string;
}

/** Headers of the guest's kernel: BCC compiles against them. */
function headerPackages(release: string): string[] {
  return [`linux-headers-${release}`, `linux-headers-${release.replace(/-cloud-amd64$/, "")}-common`];
}

/**
 * The peers for a kernel, from the cache or Debian's mirrors.
 * @param release Of the guest's kernel, as in {@link GuestKernel}.
 * @throws Error where apt or mke2fs fails
 */
export function peers(release: string): Peers {
  const packages = [...tools, ...libraries, ...headerPackages(release)];
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "bpfkit-test");
  const identity = createHash("sha256")
    .update(readFileSync(import.meta.filename))
    .update(release)
    .digest("hex");
  const target = join(cache, `peers-${identity.slice(0, 16)}`);
  if (!existsSync(target)) {
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, "making-"));
    try {
      unpack(packages, folder, release);
      renameSync(folder, target);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }
  return { root: join(target, "root"), disk: join(target, "disk.img") };
}

function unpack(packages: readonly string[], folder: string, release: string): void {
  const run = (program: string, ...args: string[]): void => {
    execFileSync(program, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  };
  const root = join(folder, "root");
  mkdirSync(root);
  // The sandbox user of apt may not write into this folder.
  const download = (): void => run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", ...packages);
  try {
    download();
  } catch (error) {
    // Mirrors keep the newest version only: with fresh lists it may be found.
    if (process.getuid?.() !== 0) throw error;
    run("apt-get", "update", "-qq");
    download();
  }
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".deb"))) {
    run("dpkg-deb", "-x", name, root);
    rmSync(join(folder, name));
  }
  for (const path of leftOut) rmSync(join(root, path), { recursive: true, force: true });
  for (const path of ["proc", "sys", "dev", "tmp", "run", "root", "mnt", "bin"])
    mkdirSync(join(root, path), { recursive: true });
  symlinkSync("python3.11", join(root, "usr/bin/python3"));
  mergeHeaders(run, release);
  run("mke2fs", "-q", "-d", "root", "-t", "ext4", "-O", "^has_journal", "-m", "0", "disk.img", "640M");
}

/**
 * One tree of headers for BCC_KERNEL_SOURCE, where the running kernel is another one than theirs. Linked, so that it
 * takes no space.
 */
function mergeHeaders(run: (program: string, ...args: string[]) => void, release: string): void {
  const sources = "root/usr/src";
  const common = `${sources}/linux-headers-${release.replace(/-cloud-amd64$/, "")}-common`;
  run("cp", "-a", "-l", common, `${sources}/headers`);
  run("cp", "-a", "-l", "-f", `${sources}/linux-headers-${release}/.`, `${sources}/headers`);
}
