/** BPF helper functions by number and name. */
import { helperRows } from "./helpers.gen.ts";

/** A helper as the kernel declares it. */
export interface HelperRow {
  /** What a call instruction's immediate says. */
  readonly id: number;
  /** Without `bpf_`. */
  readonly name: string;
  /** Whether only programs with a GPL-compatible license may call it. */
  readonly gplOnly: boolean;
  readonly prototype: {
    readonly returns: string;
    /** A variadic end has type `...` and no name. */
    readonly params: readonly { readonly type: string; readonly name: string }[];
  };
}

const byName = new Map(helperRows.map((row) => [row.name, row]));

/** Every helper, in order of its number. */
export const helpers: readonly HelperRow[] = helperRows;

/** The helper with a number, undefined where the tables know none. */
export function helperById(id: number): HelperRow | undefined {
  return helperRows[id - 1];
}

/** The helper with a name, with or without `bpf_`. */
export function helperByName(name: string): HelperRow | undefined {
  return byName.get(name.startsWith("bpf_") ? name.slice("bpf_".length) : name);
}

/** License strings that the kernel takes as GPL-compatible (include/linux/license.h). */
const gplCompatible = new Set([
  "GPL",
  "GPL v2",
  "GPL and additional rights",
  "Dual BSD/GPL",
  "Dual MIT/GPL",
  "Dual MPL/GPL",
]);

/** Whether a program's license lets it call GPL-only helpers. */
export function isGplCompatible(license: string): boolean {
  return gplCompatible.has(license);
}
