/** BTF types under construction: numbered when they are met, filled in when everything is known. */
import { BtfBuilder, type BtfType } from "@bpfkit/elf/btf";
import type { DebugNode, DebugNodes } from "../ir/index.ts";

/** Most members, values or parameters one BTF type can have (vlen has 16 bits). */
export const maxElements = 0xffff;

/** Numbers types in the order LLVM meets them; each draft becomes a type when {@link finish} runs. */
export class TypeDrafts {
  readonly nodes: DebugNodes;
  readonly builder = new BtfBuilder();
  private readonly ids = new Map<DebugNode, number>();
  private readonly drafts: { readonly id: number; readonly complete: () => BtfType }[] = [];

  constructor(nodes: DebugNodes) {
    this.nodes = nodes;
  }

  /** Takes the next number for a type; `node` is what others refer to it by. */
  add(node: DebugNode | undefined, complete: () => BtfType): number {
    const id = this.builder.reserve();
    this.drafts.push({ id, complete });
    if (node !== undefined) this.ids.set(node, id);
    return id;
  }

  /** True where the node has a number. */
  has(node: DebugNode): boolean {
    return this.ids.has(node);
  }

  /** The number of a type; 0 for void and for what BTF cannot express. `_Atomic` is looked through. */
  idOf(node: DebugNode | undefined): number {
    const type = this.withoutAtomic(node);
    return type === undefined ? 0 : (this.ids.get(type) ?? 0);
  }

  /** Fills in all types. */
  finish(): void {
    for (const { id, complete } of this.drafts) this.builder.set(id, complete());
  }

  private withoutAtomic(node: DebugNode | undefined): DebugNode | undefined {
    let type = node;
    for (let steps = 0; steps < 1000; steps++) {
      if (type?.tag !== "DIDerivedType" || this.nodes.keyword(type, "tag") !== "DW_TAG_atomic_type") break;
      type = this.nodes.reference(type, "baseType");
    }
    return type;
  }
}
