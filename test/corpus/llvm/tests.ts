/** Gets LLVM's own tests of its BPF back end from Debian's source package of the LLVM that is installed. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { findTool } from "../../support/native-tools.ts";

const sourcePackage = "llvm-toolchain-19";
const folderInside = "llvm/test/CodeGen/BPF";

/** The tests, in a folder that is kept between runs. */
export interface LlvmTests {
  readonly folder: string;
  /** Paths below the folder, sorted. */
  readonly names: readonly string[];
}

/** What is missing on this machine to get the tests, or undefined. */
export function whyNoTests(): string | undefined {
  const missing = ["apt-get", "tar", "xz"].filter((tool) => findTool(tool) === undefined);
  return missing.length === 0
    ? undefined
    : `${missing.join(", ")} missing: the tests come from Debian's source package ${sourcePackage}`;
}

/**
 * LLVM's tests, downloaded where they are not in the cache.
 * @param say told what takes time
 * @throws Error where the package cannot be downloaded or unpacked
 */
export function fetchTests(say: (line: string) => void): LlvmTests {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "bpfkit", "corpus-llvm");
  const folder = join(cache, sourcePackage);
  if (!existsSync(folder)) {
    say(
      `downloading the source package ${sourcePackage} (about 165 MB, of which 3 MB are unpacked and kept)`,
    );
    mkdirSync(cache, { recursive: true });
    const target = mkdtempSync(join(cache, "making-"));
    try {
      renameSync(download(target), folder);
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  }
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return { folder, names: names.filter((name) => name.endsWith(".ll")).sort() };
}

/** Downloads into a folder; apt's own configuration stays as it is, though it need not know of source packages. */
function download(target: string): string {
  const run = (program: string, args: readonly string[]): string =>
    execFileSync(program, args, { cwd: target, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  const targets = ["--format", "deb-src $(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"];
  const sources = run("apt-get", ["indextargets", ...targets])
    .split("\n")
    .filter((line) => line.includes("debian"));
  writeFileSync(join(target, "sources.list"), `${[...new Set(sources)].join("\n")}\n`);
  mkdirSync(join(target, "lists", "partial"), { recursive: true });
  const options = {
    "Dir::Etc::sourcelist": join(target, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": join(target, "lists"),
    "APT::Sandbox::User": "root",
  };
  const apt = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  run("apt-get", ["-q", ...apt, "update"]);
  run("apt-get", ["-q", ...apt, "source", "--download-only", sourcePackage]);
  const archive = readdirSync(target).find((name) => /\.orig\.tar\.xz$/.test(name));
  if (archive === undefined) throw new Error(`apt-get source ${sourcePackage} gave no archive`);
  const unpacked = join(target, "unpacked");
  mkdirSync(unpacked);
  run("tar", ["xJf", archive, "-C", unpacked, "--strip-components=1", "--wildcards", `*/${folderInside}`]);
  return join(unpacked, folderInside);
}
