/** Finds the headers of the user that a program includes. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";

const includeLine = /^[ \t]*#[ \t]*include(?:_next)?[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)/gm;
/** More than this is not a BPF program's. */
const mostHeaders = 2000;

/**
 * Every file that the text includes, directly or not, from its own folder (`"..."` only) or from `includeDirs`.
 * Conditions are not looked at, so it may be more than is used. Headers that are not found are left to the compiler,
 * which knows bpfkit's own.
 * @param preIncludes Paths of headers that are included before the text.
 * @returns text by path, as the compiler will ask for it
 * @throws BpfkitError BK012 where one of `preIncludes` cannot be read
 */
export function collectUserHeaders(
  file: string,
  text: string,
  includeDirs: readonly string[],
  preIncludes: readonly string[] = [],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const waiting: { path: string; text: string }[] = [{ path: file, text }];
  for (const path of preIncludes) {
    const content = readText(path);
    if (content === undefined)
      throw new BpfkitError("BK012", `cannot read ${path}, which is to be included first`);
    found.set(path, content);
    waiting.push({ path, text: content });
  }
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const match of next.text.matchAll(includeLine)) {
      const quoted = match[1];
      const name = quoted ?? match[2] ?? "";
      const folders = quoted === undefined ? includeDirs : [dirname(next.path), ...includeDirs];
      for (const folder of folders) {
        const path = join(folder, name);
        if (found.has(path)) break;
        const content = readText(path);
        if (content === undefined) continue;
        if (found.size < mostHeaders) {
          found.set(path, content);
          waiting.push({ path, text: content });
        }
        break;
      }
    }
  }
  return found;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not in this folder.
    return undefined;
  }
}
