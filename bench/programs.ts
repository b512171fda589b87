/** The programs that are measured: the bundled tools' C. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { tools } from "@bpfkit/tools";

const folder = resolve(import.meta.dirname, "../packages/tools/src");

/** Name and C text of each. */
export function programs(): readonly (readonly [string, string])[] {
  return tools.map(({ name }) => [name, readFileSync(`${folder}/${name}/${name}.bpf.c`, "utf8")]);
}
