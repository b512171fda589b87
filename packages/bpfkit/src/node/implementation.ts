/** Identifies the bpfkit that builds, so that results of another one are never taken from the cache. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";

/** Packages whose code decides what a build gives. */
const pipeline = ["base", "elf", "rewriter", "clang", "codegen", "bpfkit"];

/**
 * The version for an installed package. In a checkout the version says nothing, so names, sizes and times of the
 * files that are run, and of the bundled profile, are taken too.
 */
export function implementationId(): string {
  const own = resolve(import.meta.dirname, "../..");
  const { version } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as {
    readonly version: string;
  };
  if (own.includes(`${sep}node_modules${sep}`)) return version;
  const code = import.meta.dirname.startsWith(join(own, "src")) ? "src" : "dist";
  const hash = createHash("sha256");
  const profiles = join(own, "profiles");
  for (const name of readdirSync(profiles).sort()) {
    const { size, mtimeMs } = statSync(join(profiles, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  for (const name of pipeline) {
    const folder = join(own, "..", name, code);
    if (!existsSync(folder)) continue;
    // With their types, or Node asks for the type of each.
    const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => /\.[jt]s$/.test(entry.name) && !/\.(test|d)\.ts$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    for (const path of paths) {
      const { size, mtimeMs } = statSync(path);
      hash.update(`${name}/${relative(folder, path)} ${size} ${mtimeMs}\n`);
    }
  }
  return `${version}-${hash.digest("hex")}`;
}
