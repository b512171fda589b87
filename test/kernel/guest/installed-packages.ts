/** Copies the command and what it needs at run time, as npm would install it. */
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Of workspaces, what is published and run. */
const published = ["package.json", "dist", "bin", "profiles"];

/** What only tells a checkout whether its sources were compiled again. */
const unpublished: ReadonlySet<string> = new Set([".tsbuildinfo", "inputs.json"]);

/** Too big for the guest, which builds nothing. */
const leftOut: ReadonlySet<string> = new Set(["@yowasp/clang"]);

/** Where a package that `from` imports is installed. */
function locate(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
    if (dirname(folder) === folder) return undefined;
  }
}

/** Copies the packages that `names` stand for, and their dependencies, into `target`/node_modules. */
export function installPackages(names: readonly string[], repository: string, target: string): void {
  const done = new Set<string>();
  const waiting = names.map((name) => ({ name, from: repository, optional: false }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { name, from, optional } = next;
    if (done.has(name) || leftOut.has(name)) continue;
    const source = locate(name, from);
    if (source === undefined) {
      if (optional) continue;
      throw new Error(`${name} is not installed`);
    }
    done.add(name);
    const destination = join(target, "node_modules", name);
    mkdirSync(destination, { recursive: true });
    const isWorkspace = source.startsWith(join(repository, "packages/"));
    if (isWorkspace) {
      for (const part of published) {
        if (existsSync(join(source, part)))
          cpSync(join(source, part), join(destination, part), {
            recursive: true,
            filter: (path) => !unpublished.has(basename(path)),
          });
      }
    } else {
      cpSync(source, destination, { recursive: true });
    }
    const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as Manifest;
    for (const each of Object.keys(manifest.dependencies ?? {})) {
      waiting.push({ name: each, from: source, optional: false });
    }
    for (const each of Object.keys(manifest.optionalDependencies ?? {})) {
      waiting.push({ name: each, from: source, optional: true });
    }
  }
}
