/** vmlinux.h, cut to what one program needs. */

import type { Diagnostic } from "@bpfkit/base/diagnostics";
import { type BtfTable, printC } from "@bpfkit/elf/btf";
import { definedNames } from "./defined-names.ts";
import { kfuncPrototypes } from "./kfunc-prototypes.ts";
import { reduceTypes } from "./reduce-types.ts";
import { cTokens } from "./tokens.ts";

/** How much of the kernel's types to print. */
export interface KernelHeaderOptions {
  /** Every named type: two megabytes and a second of clang's time. */
  readonly whole?: boolean;
  /**
   * For reading a program's meaning only, not for code: of large structs the members that the texts name, and of each enum the
   * values. Sizes stay true, offsets do not.
   */
  readonly lean?: boolean;
  /** Whether accesses to the structs are to be relocatable (CO-RE); default true, and never in the lean form. */
  readonly relocatable?: boolean;
}

/**
 * Types of the user interface that came after the kernels whose BTF is at hand, by the words of a program that need them: the
 * loops of bpf_helpers.h keep their state in struct bpf_iter_num (uapi linux/bpf.h, Linux 6.4).
 */
const laterTypes: readonly { readonly tag: string; readonly needs: RegExp; readonly text: string }[] = [
  {
    tag: "bpf_iter_num",
    needs: /^bpf_(?:for|for_each|repeat|iter_num\w*)$/,
    text: "struct bpf_iter_num { unsigned long long __opaque[1]; } __attribute__((aligned(8)));\n",
  },
];

/**
 * C text of the kernel's types that the given texts name or reach: the program, its own headers, and every injected text that
 * uses kernel types. Structs and enums that a text defines itself are left to it.
 */
export function kernelHeader(
  btf: BtfTable,
  sources: readonly string[],
  options: KernelHeaderOptions = {},
): string {
  const tokens = sources.flatMap((source) => cTokens(source));
  const used = new Set<string>();
  for (const { text, isName } of tokens) if (isName) used.add(text);
  const lean = options.lean === true;
  const defined = definedNames(tokens);
  const kfuncs = kfuncPrototypes(btf, { used, defined });
  for (const name of kfuncs.names) used.add(name);
  const reduced = reduceTypes(btf, { used, defined }, { whole: options.whole === true, lean });
  const ids = Array.from({ length: reduced.typeCount - 1 }, (_, index) => index + 1);
  const preserveAccessIndex = !lean && options.relocatable !== false;
  // Headers and programs ask by this macro, which bpftool's vmlinux.h has, whether types are the kernel's own.
  const later = laterTypes
    .filter(({ tag, needs }) => [...used].some((name) => needs.test(name)) && !defined.tags.has(tag))
    .filter(({ tag }) => btf.findAll(tag).length === 0)
    .map(({ text }) => text)
    .join("");
  const types = printC(reduced, ids, { preserveAccessIndex });
  // Its own `bool`, `true` and `false` are not the macros of stdbool.h, which may have been included before.
  const around = (what: string) =>
    ["bool", "true", "false"].map((name) => `#pragma ${what}_macro("${name}")\n`).join("");
  return `#pragma once\n#define __VMLINUX_H__\n${around("push")}#undef bool\n#undef true\n#undef false\n${types}${later}${kfuncs.text}${around("pop")}`;
}

/**
 * Names of the types that clang found to be declared only. A kernel header made for them too, by giving the names as one more
 * source, lets the program go on.
 */
export function incompleteTypes(diagnostics: readonly Diagnostic[]): string[] {
  const names = new Set<string>();
  for (const { message } of diagnostics) {
    if (!/incomplete/.test(message)) continue;
    for (const [, name = ""] of message.matchAll(/'[^']*\b(?:struct|union) (\w+)[^']*'/g)) names.add(name);
  }
  return [...names];
}
