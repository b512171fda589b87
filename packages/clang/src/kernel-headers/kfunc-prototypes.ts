/** Declarations of the kernel functions that a program calls (kfuncs), as bpftool's vmlinux.h has them. */
import { type BtfTable, printDeclaration } from "@bpfkit/elf/btf";
import type { TextNames } from "./select-types.ts";

/** The declarations, and what they name. */
export interface KfuncPrototypes {
  readonly text: string;
  /** Typedefs and enums that have to be defined. */
  readonly names: readonly string[];
}

/** The mark that pahole 1.27 puts on kfuncs, for kernels since 6.10. */
const kfuncTag = "bpf_kfunc";

/**
 * Prototypes of the kfuncs that the text names and does not declare itself. None for kernels whose BTF does not mark them.
 * As the program's own, they are weak: where the kernel lacks one, its address is NULL.
 */
export function kfuncPrototypes(btf: BtfTable, { used, defined }: TextNames): KfuncPrototypes {
  const candidates = new Map<number, string>();
  for (const name of used) {
    if (defined.ordinary.has(name)) continue;
    for (const id of btf.findAll(name)) if (btf.kindOf(id) === "func") candidates.set(id, name);
  }
  const lines: string[] = [];
  const names = new Set<string>();
  const records = new Set<string>();
  if (candidates.size === 0) return { text: "", names: [] };
  for (const tag of btf.typesOfKind("decl_tag")) {
    const type = btf.type(tag);
    if (type.kind !== "decl_tag" || type.name !== kfuncTag || type.componentIndex !== -1) continue;
    const name = candidates.get(type.type);
    const func = btf.type(type.type);
    if (name === undefined || func.kind !== "func") continue;
    const declaration = printDeclaration(btf, func.type, name);
    lines.push(`extern ${declaration} __attribute__((weak, section(".ksyms")));\n`);
    for (const record of declaration.match(/\b(?:struct|union) \w+/g) ?? []) records.add(record);
    for (const word of declaration.replace(/\b(?:struct|union) \w+/g, "").match(/\b[A-Za-z_]\w*/g) ?? [])
      if (word !== name) names.add(word);
  }
  const forwards = [...records].map((record) => `${record};\n`);
  const text = ["#ifndef BPF_NO_KFUNC_PROTOTYPES\n", ...forwards, ...lines, "#endif\n"].join("");
  return { text: lines.length === 0 ? "" : text, names: [...names] };
}
