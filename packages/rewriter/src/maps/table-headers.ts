/** Headers made from the map tables: how macros and methods type-check, and what rewritten calls need. */
import { type MapMacro, type MethodFamily, mapMacros, mapType, mapTypes } from "./macros.ts";
import { mapMethods } from "./methods.ts";

const formArguments: Readonly<Record<string, string>> = {
  n: "_name",
  k: "_key",
  v: "_value",
  s: "_entries",
  f: "_flags",
  t: "_type",
  p: "_path",
  i: "_inner",
};

const families = [...new Set(Object.values(mapTypes).map((row) => row.family))];

/** `bcc/tables-ast.h`: maps as structures whose members are the methods. */
export function tableHeaderForAst(): string {
  const lines = ["/* Map macros of BCC, for parsing: every method is a function pointer. */"];
  for (const family of [...families, "any" as const]) lines.push(familyMacro(family));
  for (const [name, row] of Object.entries(mapMacros) as [string, MapMacro][]) {
    const family = row.type === undefined ? "any" : (mapType(row.type)?.family ?? "any");
    for (const form of row.forms) {
      const parameters = [...form].map((letter) => formArguments[letter]).join(", ");
      const key = form.includes("k") ? "_key" : (row.key ?? "int");
      const value = form.includes("v") ? "_value" : (row.value ?? "u64");
      const suffix = row.forms.length > 1 ? `_${form.length}` : "";
      const entries = form.includes("s") ? "_entries" : (row.entries ?? "0");
      const map = `___bpf_map_${family}(_name, ${key}, ${value}, ${entries})`;
      lines.push(`#define ${name}${suffix}(${parameters}) ${map}`);
    }
    if (row.forms.length > 1) {
      lines.push(`#define ${name}(...) ___bpf_apply(${name}_, ___bpf_narg(__VA_ARGS__))(__VA_ARGS__)`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function familyMacro(family: MethodFamily | "any"): string {
  const members = Object.values(mapMethods)
    .filter((method) => family === "any" || (method.families as readonly string[]).includes(family))
    .map((method) => `${withTypes(method.member)};`);
  return [
    `#define ___bpf_map_${family}(_name, _key, _value, _entries)`,
    "\tstruct ___types_of_##_name { __typeof__(_key) key; __typeof__(_value) leaf; };",
    "\tstruct _name##_table_t {",
    "\t__typeof__(((struct ___types_of_##_name *)0)->key) key;",
    "\t__typeof__(((struct ___types_of_##_name *)0)->leaf) leaf;",
    "\tint max_entries; int flags; int (*___entries)[1 + (_entries)];",
    ...members.map((member) => `\t${member}`),
    "\t}; struct _name##_table_t _name",
  ].join(" \\\n");
}

function withTypes(member: string): string {
  return member
    .replace(/\bK\b/g, "__typeof__(((struct ___types_of_##_name *)0)->key)")
    .replace(/\bV\b/g, "__typeof__(((struct ___types_of_##_name *)0)->leaf)");
}

/** `bcc/tables.h`: what rewritten method calls use besides kernel helpers. */
export const tableHeaderForCode = `/* Map operations of BCC that are more than one helper call. */
#ifndef __BCC_TABLES_H
#define __BCC_TABLES_H

#define ___key_type(map) typeof(*(map)->key)
#define ___value_type(map) typeof(*(map)->value)

/* The value of the key; where there is none, of the entry made from \`init\`. NULL when the map is full. */
#define bpf_map_lookup_or_try_init(map, key_pointer, init) \\
	({ typeof((map)->value) ___found = bpf_map_lookup_elem(map, key_pointer); \\
	   if (!___found) { \\
		bpf_map_update_elem(map, key_pointer, init, BPF_NOEXIST); \\
		___found = bpf_map_lookup_elem(map, key_pointer); \\
	   } \\
	   ___found; })

/* The same, and leaves the calling function where there is still none. */
#define bpf_map_lookup_or_init(map, key_pointer, init) \\
	({ typeof((map)->value) ___entry = bpf_map_lookup_or_try_init(map, key_pointer, init); \\
	   if (!___entry) \\
		return 0; \\
	   ___entry; })

/* Adds to the value of the key; hash maps get an entry for a new key, other maps do not. */
#define ___map_add(map, wanted_key, amount, add, is_hash) \\
	({ \\
		___key_type(map) ___key = wanted_key; \\
		typeof((map)->value) ___found = bpf_map_lookup_elem(map, &___key); \\
		if (___found) { \\
			add; \\
		} else if (is_hash) { \\
			___value_type(map) ___first = amount; \\
			bpf_map_update_elem(map, &___key, &___first, BPF_NOEXIST); \\
		} \\
		(void)0; \\
	})
#define ___is_hash(map) (sizeof(*(map)->type) / sizeof((*(map)->type)[0]) == BPF_MAP_TYPE_HASH)
#define bpf_map_increment(map, wanted_key, amount) \\
	___map_add(map, wanted_key, amount, *___found += (amount), ___is_hash(map))
#define bpf_map_atomic_increment(map, wanted_key, amount) \\
	___map_add(map, wanted_key, amount, __sync_fetch_and_add(___found, amount), ___is_hash(map))

#endif
`;
