/** `bpf/bpf_helper_defs.h`: declarations of BPF helpers as calls to their numbers. */
import { helperPrototypes } from "./helper-prototypes.gen.ts";

/** Names of all helpers that can be declared. */
export const helperNames: ReadonlySet<string> = new Set(
  helperPrototypes.split("\n").map((line) => line.split("|")[2] ?? ""),
);

/**
 * The header's text.
 * @param always Helpers to declare for every parse.
 * @param forCode Further helpers that only rewritten text calls.
 */
export function helperDeclarations(always: ReadonlySet<string>, forCode: ReadonlySet<string>): string {
  const first: string[] = [];
  const second: string[] = [];
  for (const line of helperPrototypes.split("\n")) {
    const [number = "", result = "", name = "", parameters = ""] = line.split("|");
    const space = result.endsWith("*") ? "" : " ";
    const text = `static ${result}${space}(*const ${name})(${parameters}) = (void *)${number};`;
    if (always.has(name)) first.push(text);
    else if (forCode.has(name)) second.push(text);
  }
  const records = new Set([...first, ...second].join(" ").match(/\b(?:struct|union) \w+/g) ?? []);
  return [
    "/* BPF helpers this program may call (uapi linux/bpf.h). */",
    ...[...records].map((record) => `${record};`),
    ...first,
    "#ifndef __BPFKIT_PRELUDE_AST_H",
    ...second,
    "#endif",
    "",
  ].join("\n");
}
