/** Types of the target that may be meant by a type of the object: same kind, same name without flavour. */
import type { BtfTable } from "@bpfkit/elf/btf";
import { essentialName, nameOf, sameKind } from "./compatibility.ts";

/** Candidates by local type, found once per load. */
export class CandidateFinder {
  readonly #local: BtfTable;
  readonly target: BtfTable;
  readonly #found = new Map<number, readonly number[]>();

  constructor(local: BtfTable, target: BtfTable) {
    this.#local = local;
    this.target = target;
  }

  /** Ids in the target, ascending; none for anonymous types. */
  find(localId: number): readonly number[] {
    const known = this.#found.get(localId);
    if (known !== undefined) return known;
    const local = this.#local.type(localId);
    const name = essentialName(nameOf(local));
    const ids =
      name === "" ? [] : this.target.findAll(name).filter((id) => sameKind(local, this.target.type(id)));
    this.#found.set(localId, ids);
    return ids;
  }
}
