/** A profile's BTF, decoded once for everyone who needs it. */
import type { KernelProfile } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";

const tables = new WeakMap<Uint8Array, BtfTable>();

/** The decoded types; the table is shared and never changes. */
export function profileBtf(profile: KernelProfile): BtfTable {
  const { btf } = profile;
  let table = tables.get(btf);
  if (table === undefined) {
    table = BtfTable.decode(btf, { name: profile.name });
    tables.set(btf, table);
  }
  return table;
}
