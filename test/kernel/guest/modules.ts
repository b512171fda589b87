/** Kernel modules and what they depend on. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const canonical = (name: string): string => name.replaceAll("-", "_");

/** Files of modules and of everything that they need, in the order in which they are inserted. */
export function moduleFiles(folder: string, wanted: readonly string[]): string[] {
  const paths = new Map<string, string>();
  for (const name of readdirSync(join(folder, "kernel"), { recursive: true, encoding: "utf8" })) {
    if (name.endsWith(".ko")) paths.set(canonical(basename(name, ".ko")), join(folder, "kernel", name));
  }
  const ordered: string[] = [];
  const visit = (name: string): void => {
    const path = paths.get(canonical(name));
    if (path === undefined) throw new Error(`the kernel package has no module ${name}`);
    if (ordered.includes(path)) return;
    const needs = /\0depends=([^\0]*)\0/.exec(readFileSync(path, "latin1"))?.[1] ?? "";
    for (const need of needs.split(",")) if (need !== "") visit(need);
    ordered.push(path);
  };
  for (const name of wanted) visit(name);
  return ordered;
}
