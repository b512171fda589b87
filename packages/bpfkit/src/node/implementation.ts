/** Identifies the bpfkit that builds, so that results of another one are never taken from the cache. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";

/** Packages whose code decides what a build gives. */
const pipeline = ["base", "elf", "rewriter", "clang", "codegen", "bpfkit"];

/**
 * The version for an installed package. In a checkout the version says nothing, so names, sizes and times of the
 * files that are run are taken too.
 */
export function implementationId(): string {
  const own = resolve(import.meta.dirname, "../..");
  const { version } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as {
    readonly version: string;
  };
  if (own.includes(`${sep}node_modules${sep}`)) return version;
  const code = import.meta.dirname.startsWith(join(own, "src")) ? "src" : "dist";
  const hash = createHash("sha256");
  for (const name of pipeline) {
    const folder = join(own, "..", name, code);
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
      if (!/\.[jt]s$/.test(file) || /\.(test|d)\.ts$/.test(file)) continue;
      const { size, mtimeMs } = statSync(join(folder, file));
      hash.update(`${name}/${file} ${size} ${mtimeMs}\n`);
    }
  }
  return `${version}-${hash.digest("hex")}`;
}
