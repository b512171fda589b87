/** BPF helper functions: id, name, prototype, licence and first release. */
import { gplOnlyHelpers } from "./gpl-only.ts";
import { helperRows } from "./helpers.gen.ts";
import { newerHelperRows } from "./newer-helpers.ts";
import { since } from "./since.ts";

/** One parameter of a helper. */
export interface HelperParameter {
  /** C type as the kernel's documentation writes it: `struct bpf_map *`, `u64`; `...` for variadic arguments. */
  readonly type: string;
  /** Empty for `...`. */
  readonly name: string;
}

/** A helper that programs call by number. */
export interface Helper {
  readonly id: number;
  /** Without the `bpf_` prefix. */
  readonly name: string;
  /** Refused to programs whose licence is not GPL-compatible. */
  readonly gplOnly: boolean;
  /** First kernel release that has it, as `5.8`. */
  readonly since: string | undefined;
  readonly prototype: {
    readonly returns: string;
    readonly params: readonly HelperParameter[];
  };
}

/** What the user header says of a helper. */
export type HelperRow = Omit<Helper, "gplOnly" | "since">;

interface Tables {
  readonly byId: ReadonlyMap<number, Helper>;
  readonly byName: ReadonlyMap<string, Helper>;
}

let made: Tables | undefined;

/** Made when they are first asked for: most starts need none of it. */
function tables(): Tables {
  if (made === undefined) {
    const byId = new Map<number, Helper>();
    const byName = new Map<string, Helper>();
    for (const row of [...helperRows(), ...newerHelperRows]) {
      const helper = { ...row, gplOnly: gplOnlyHelpers.has(row.name), since: since("helper", row.id) };
      byId.set(row.id, helper);
      byName.set(row.name, helper);
    }
    made = { byId, byName };
  }
  return made;
}

/** The helper with an id, or undefined where this version knows none. */
export function helperById(id: number): Helper | undefined {
  return tables().byId.get(id);
}

/** The helper with a name, with or without the `bpf_` prefix. */
export function helperByName(name: string): Helper | undefined {
  const { byName } = tables();
  return byName.get(name) ?? byName.get(name.replace(/^bpf_/, ""));
}

/** All helpers in order of their ids. */
export function allHelpers(): readonly Helper[] {
  return [...tables().byId.values()];
}
