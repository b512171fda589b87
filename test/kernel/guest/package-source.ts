/** Debian packages by apt: of the system's own lists, or of a suite with lists of our own that the system never sees. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const mirror = "http://deb.debian.org/debian";
/** From package debian-archive-keyring, which every Debian has: what apt downloads must be signed by it. */
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

const run = (program: string, args: readonly string[], cwd?: string): string =>
  execFileSync(program, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
  });

/** Where packages come from. */
export class PackageSource {
  /** Whether its lists are ours, so that anyone may refresh them. */
  readonly isPrivate: boolean;
  /** For messages. */
  readonly description: string;
  readonly #options: readonly string[];

  /** @param suite of Debian, read with lists in the tests' cache; undefined: what this machine's apt is set up for */
  constructor(suite?: string) {
    this.isPrivate = suite !== undefined;
    this.description = suite ?? "this machine's sources";
    // The sandbox user of apt may not write into our folders.
    this.#options = ["-o", "APT::Sandbox::User=root", ...(suite === undefined ? [] : privateLists(suite))];
  }

  /** Reads the lists anew. @throws Error where the mirror cannot be reached, or its signature is not Debian's */
  update(): void {
    run("apt-get", [...this.#options, "update", "-qq"]);
  }

  /** What a package depends on, by the first group of a pattern over `apt-cache depends`. */
  dependency(name: string, pattern: RegExp): string | undefined {
    // Without lists apt-cache fails: nothing is known then.
    try {
      return pattern.exec(run("apt-cache", [...this.#options, "depends", name]))?.[1];
    } catch {
      return undefined;
    }
  }

  /** The newest version there is. */
  version(name: string): string | undefined {
    try {
      return /^Version: (.*)$/m.exec(
        run("apt-cache", [...this.#options, "show", "--no-all-versions", name]),
      )?.[1];
    } catch {
      return undefined;
    }
  }

  /** Downloads a package, `NAME` or `NAME=VERSION`, and unpacks it into a folder. @throws Error where it cannot be had */
  unpack(name: string, folder: string): void {
    run("apt-get", [...this.#options, "-q", "download", name], folder);
    const file = readdirSync(folder).find((each) => each.endsWith(".deb"));
    if (file === undefined) throw new Error(`apt-get download ${name} brought nothing`);
    run("dpkg-deb", ["-x", join(folder, file), folder]);
    rmSync(join(folder, file));
  }
}

/** This machine's own sources. */
export const systemPackages = (): PackageSource => new PackageSource();

/** Options of apt that name a sources list and folders of ours in place of the system's. */
function privateLists(suite: string): string[] {
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "bpfkit-test/apt", suite);
  for (const name of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(folder, name), { recursive: true });
  const list = join(folder, "sources.list");
  if (!existsSync(list)) writeFileSync(list, `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  const settings = {
    "Dir::Etc::SourceList": list,
    "Dir::Etc::SourceParts": "-",
    "Dir::Etc::Preferences": "/dev/null",
    "Dir::Etc::PreferencesParts": "-",
    "Dir::State::Lists": join(folder, "lists"),
    "Dir::Cache": join(folder, "cache"),
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}
