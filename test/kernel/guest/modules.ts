/** Kernel modules and what they depend on. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const canonical = (name: string): string => name.replaceAll("-", "_");
const ending = /\.ko(\.xz)?$/;

/** A module as the kernel takes it. */
export interface ModuleFile {
  /** `loop.ko`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Newer packages of Debian compress modules. */
function read(path: string): Buffer {
  if (!path.endsWith(".xz")) return readFileSync(path);
  return execFileSync("xz", ["-dc", path], { maxBuffer: 1 << 28 });
}

/** Modules and everything that they need, in the order in which they are inserted. */
export function moduleFiles(folder: string, wanted: readonly string[]): ModuleFile[] {
  const paths = new Map<string, string>();
  for (const name of readdirSync(join(folder, "kernel"), { recursive: true, encoding: "utf8" })) {
    if (ending.test(name))
      paths.set(canonical(basename(name).replace(ending, "")), join(folder, "kernel", name));
  }
  const ordered = new Map<string, ModuleFile>();
  const visit = (name: string): void => {
    const key = canonical(name);
    const path = paths.get(key);
    if (path === undefined) throw new Error(`the kernel package has no module ${name}`);
    if (ordered.has(key)) return;
    const bytes = read(path);
    const needs = /\0depends=([^\0]*)\0/.exec(bytes.toString("latin1"))?.[1] ?? "";
    for (const need of needs.split(",")) if (need !== "") visit(need);
    ordered.set(key, { name: basename(path).replace(ending, ".ko"), bytes });
  };
  for (const name of wanted) visit(name);
  return [...ordered.values()];
}
