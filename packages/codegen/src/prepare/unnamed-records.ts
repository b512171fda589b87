/**
 * Structs and unions without a name of their own that a typedef names: their accesses are relocated by the typedef.
 * Facts: llvm/lib/Target/BPF/BPFAbstractMemberAccess.cpp, CheckAnonRecordType.
 */
import type { DebugNode, DebugNodes } from "../ir/index.ts";

/** Pointer and qualifier chains longer than this are taken for cycles. */
const maxChain = 1000;

/** The typedefs of unnamed records, as far as one function's parameters, result and variables tell. */
export class UnnamedRecords {
  readonly #types: DebugNodes;
  /** undefined where two typedefs name the same record. */
  readonly #typedefs = new Map<DebugNode, DebugNode | undefined>();

  /** @param subprogram the function's DISubprogram; without one nothing is known */
  constructor(types: DebugNodes, subprogram: DebugNode | undefined) {
    this.#types = types;
    if (subprogram?.tag !== "DISubprogram") return;
    const signature = types.reference(subprogram, "type");
    if (signature !== undefined) for (const type of types.nodes(signature, "types")) this.#collect(type);
    for (const variable of types.nodes(subprogram, "retainedNodes")) {
      if (variable.tag === "DILocalVariable") this.#collect(types.reference(variable, "type"));
    }
  }

  /** The type itself, or the typedef that stands for it. */
  named(type: DebugNode | undefined): DebugNode | undefined {
    return type === undefined ? undefined : (this.#typedefs.get(type) ?? type);
  }

  #collect(start: DebugNode | undefined): void {
    let typedef: DebugNode | undefined;
    let type = start;
    for (let step = 0; step < maxChain && type?.tag === "DIDerivedType"; step++) {
      const tag = this.#types.keyword(type, "tag");
      if (tag === "DW_TAG_pointer_type") typedef = undefined;
      else if (tag === "DW_TAG_typedef") typedef = type;
      type = this.#types.reference(type, "baseType");
    }
    if (typedef === undefined || type?.tag !== "DICompositeType" || this.#types.text(type, "name") !== "")
      return;
    const other = this.#typedefs.has(type) && this.#typedefs.get(type) !== typedef;
    this.#typedefs.set(type, other ? undefined : typedef);
  }
}
