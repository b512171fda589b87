/**
 * DI types to BTF types, in the order and with the cuts LLVM makes: what a struct points to is not followed, only
 * declared forward, unless something else needs it. Facts: llvm/lib/Target/BPF/BTFDebug.cpp.
 */

import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfType } from "@bpfkit/elf/btf";
import type { DebugNode, DebugNodes } from "../ir/index.ts";
import { addDeclTags, addTypeTags } from "./annotations.ts";
import { arrayIndexType, basicType, enumType, structType } from "./leaf-types.ts";
import { maxElements, TypeDrafts } from "./type-drafts.ts";

/** How far a visit is allowed to go through pointers. */
interface Reach {
  /** True below a struct member: the first pointer to a named struct ends the visit. */
  readonly checkPointer: boolean;
  /** True once such a pointer was passed. */
  readonly seenPointer: boolean;
}

const freely: Reach = { checkPointer: false, seenPointer: false };
const fromMember: Reach = { checkPointer: true, seenPointer: false };

/** A pointer whose target was left out; it is settled at the end. */
interface Fixup {
  readonly pointer: DebugNode;
  target: number;
}

/** Longest chain of typedefs and qualifiers that is followed in one go. */
const maxChain = 100_000;

/** Visits DI types and numbers BTF types. */
export class TypeVisitor {
  readonly nodes: DebugNodes;
  readonly drafts: TypeDrafts;
  /** What is left to do, last first: visits nest as deep as the input likes, so there is no recursion. */
  private readonly pending: (() => void)[] = [];
  /** Types without a number of their own, while what they are made of is visited. */
  private readonly open = new Set<DebugNode>();
  private readonly fixups = new Map<DebugNode, Fixup[]>();
  /** Structs and unions with members, by number, in order. */
  private readonly structs: { readonly name: string; readonly id: number }[] = [];
  private arrayIndex: number | undefined;

  constructor(nodes: DebugNodes) {
    this.nodes = nodes;
    this.drafts = new TypeDrafts(nodes);
  }

  /** Visits a type and all it needs; returns its number, 0 for void. */
  visit(type: DebugNode | undefined): number {
    this.push(type, freely);
    this.run();
    return this.drafts.idOf(type);
  }

  /**
   * Visits a function type. `names` are parameter names by position from 1. With `shared` the type can be referred
   * to, as the target of function pointers is; that of a function definition cannot.
   */
  visitFunctionType(type: DebugNode, names: ReadonlyMap<number, string>, shared: boolean): number {
    const id = this.addFunctionType(type, names, shared);
    this.run();
    return id;
  }

  /** Settles pointers to structs that were left out: to the struct if it was met after all, else to a `fwd`. */
  settleForwards(): void {
    for (const [composite, fixups] of this.fixups) {
      const name = this.nodes.text(composite, "name");
      const isUnion = this.nodes.keyword(composite, "tag") === "DW_TAG_union_type";
      const known = this.structs.find((each) => each.name === name)?.id;
      const target =
        known ?? this.drafts.add(undefined, () => ({ kind: "fwd", name, isUnion }) satisfies BtfType);
      for (const fixup of fixups) {
        fixup.target = addTypeTags(this.drafts, fixup.pointer, () => target) ?? target;
      }
    }
  }

  private run(): void {
    for (let task = this.pending.pop(); task !== undefined; task = this.pending.pop()) task();
  }

  private push(type: DebugNode | undefined, reach: Reach): void {
    if (type !== undefined) this.pending.push(() => this.enter(type, reach));
  }

  /** Visits the base of a type that gets its number later, or never. @throws BpfkitError CG021 where it is its own base */
  private pushBase(
    type: DebugNode,
    base: DebugNode | undefined,
    reach: Reach,
    then: () => void = () => {},
  ): void {
    if (this.open.has(type))
      throw new BpfkitError("CG021", "a type in the debug information is made of itself");
    this.open.add(type);
    this.pending.push(() => {
      this.open.delete(type);
      then();
    });
    this.push(base, reach);
  }

  private enter(type: DebugNode, reach: Reach): void {
    if (this.drafts.has(type)) {
      if (!reach.checkPointer || !reach.seenPointer) this.enterKnown(type, reach);
      return;
    }
    switch (type.tag) {
      case "DIBasicType":
        this.addBasic(type);
        return;
      case "DISubroutineType":
        this.addFunctionType(type, new Map(), true);
        return;
      case "DICompositeType":
        this.enterComposite(type);
        return;
      case "DIDerivedType":
        this.enterDerived(type, reach);
        return;
      default:
    }
  }

  /** A typedef met below a pointer may have left its struct out; met elsewhere, the struct is needed. */
  private enterKnown(type: DebugNode, reach: Reach): void {
    let current = type;
    let { seenPointer } = reach;
    for (let steps = 0; steps < maxChain && current.tag === "DIDerivedType"; steps++) {
      const base = this.nodes.reference(current, "baseType");
      if (base === undefined) return;
      if (this.drafts.has(base)) {
        current = base;
        continue;
      }
      if (reach.checkPointer && this.nodes.keyword(current, "tag") === "DW_TAG_pointer_type") {
        seenPointer = true;
        if (this.canBeForward(base)) return;
      }
      this.push(base, { checkPointer: reach.checkPointer, seenPointer });
      return;
    }
  }

  private addBasic(type: DebugNode): void {
    const complete = basicType(this.nodes, type);
    if (complete !== undefined) this.drafts.add(type, complete);
  }

  private addFunctionType(type: DebugNode, names: ReadonlyMap<number, string>, shared: boolean): number {
    const elements = this.nodes.tuple(type, "types");
    if (elements.length - 1 > maxElements) return 0;
    const parts = elements.map((element) => this.nodes.resolve(element));
    const id = this.drafts.add(shared ? type : undefined, () => ({
      kind: "func_proto",
      returnType: this.drafts.idOf(parts[0]),
      params: parts.slice(1).map((part, index) => ({
        name: part === undefined ? "" : (names.get(index + 1) ?? ""),
        type: this.drafts.idOf(part),
      })),
    }));
    for (const part of parts.slice().reverse()) this.push(part, freely);
    return id;
  }

  private enterComposite(type: DebugNode): void {
    const { nodes, drafts } = this;
    switch (nodes.keyword(type, "tag")) {
      case "DW_TAG_structure_type":
      case "DW_TAG_union_type":
        if (nodes.hasFlag(type, "flags", "DIFlagFwdDecl")) {
          const isUnion = nodes.keyword(type, "tag") === "DW_TAG_union_type";
          drafts.add(type, () => ({ kind: "fwd", name: nodes.text(type, "name"), isUnion }));
        } else this.addStruct(type);
        return;
      case "DW_TAG_array_type":
        this.enterArray(type);
        return;
      case "DW_TAG_enumeration_type":
        if (nodes.tuple(type, "elements").length <= maxElements) drafts.add(type, enumType(nodes, type));
        return;
      default:
    }
  }

  private addStruct(type: DebugNode): void {
    const members = this.nodes.nodes(type, "elements");
    if (members.length > maxElements) return;
    const id = this.drafts.add(type, structType(this.drafts, type, members));
    this.structs.push({ name: this.nodes.text(type, "name"), id });
    addDeclTags(this.drafts, type, id, -1);
    for (let index = members.length - 1; index >= 0; index--) {
      const member = members[index] as DebugNode;
      this.pending.push(() => addDeclTags(this.drafts, member, id, index));
      this.push(member, freely);
    }
  }

  /** The element type comes first, then one array per dimension from the innermost, then the index type. */
  private enterArray(type: DebugNode): void {
    const element = this.nodes.reference(type, "baseType");
    this.pushBase(type, element, freely, () => this.finishArray(type, element));
  }

  private finishArray(type: DebugNode, element: DebugNode | undefined): void {
    const dimensions = this.nodes.nodes(type, "elements").filter((each) => each.tag === "DISubrange");
    let inner = this.drafts.idOf(element);
    for (let index = dimensions.length - 1; index >= 0; index--) {
      const declared = this.nodes.number(dimensions[index] as DebugNode, "count");
      const count = declared >= 0 ? declared : 0;
      if (count > 0xffff_ffff) throw new BpfkitError("CG020", `an array of ${count} elements is too large`);
      const elementType = inner;
      inner = this.drafts.add(index === 0 ? type : undefined, () => ({
        kind: "array",
        elementType,
        indexType: this.arrayIndex ?? 0,
        count,
      }));
    }
    this.arrayIndex ??= this.drafts.add(undefined, arrayIndexType);
  }

  private canBeForward(type: DebugNode): boolean {
    if (type.tag !== "DICompositeType") return false;
    const tag = this.nodes.keyword(type, "tag");
    return (
      (tag === "DW_TAG_structure_type" || tag === "DW_TAG_union_type") &&
      this.nodes.text(type, "name") !== "" &&
      !this.nodes.hasFlag(type, "flags", "DIFlagFwdDecl")
    );
  }

  private enterDerived(type: DebugNode, reach: Reach): void {
    const { nodes } = this;
    const tag = nodes.keyword(type, "tag");
    const base = nodes.reference(type, "baseType");
    if (tag === "DW_TAG_atomic_type") {
      this.pushBase(type, base, reach);
      return;
    }
    const { checkPointer } = reach;
    let { seenPointer } = reach;
    if (checkPointer && tag === "DW_TAG_pointer_type") seenPointer = true;
    if (checkPointer && seenPointer && base !== undefined && this.canBeForward(base)) {
      this.addFixup(type, base, tag);
      return;
    }
    if (!this.addDerived(type, tag)) return;
    if (tag === "DW_TAG_member") this.pushBase(type, base, fromMember);
    else this.push(base, { checkPointer, seenPointer });
  }

  private addFixup(type: DebugNode, base: DebugNode, tag: string): void {
    const fixup: Fixup = { pointer: type, target: 0 };
    const known = this.fixups.get(base);
    if (known === undefined) this.fixups.set(base, [fixup]);
    else known.push(fixup);
    this.drafts.add(type, () => derivedType(tag, this.nodes.text(type, "name"), fixup.target));
  }

  /** False for derived types that BTF has no kind for. */
  private addDerived(type: DebugNode, tag: string): boolean {
    const { nodes, drafts } = this;
    const baseId = (): number => drafts.idOf(nodes.reference(type, "baseType"));
    switch (tag) {
      case "DW_TAG_member":
        return true;
      case "DW_TAG_pointer_type": {
        const tagged = addTypeTags(drafts, type, baseId);
        drafts.add(type, () => ({ kind: "ptr", type: tagged ?? baseId() }));
        return true;
      }
      case "DW_TAG_typedef": {
        const id = drafts.add(type, () => derivedType(tag, nodes.text(type, "name"), baseId()));
        addDeclTags(drafts, type, id, -1);
        return true;
      }
      case "DW_TAG_const_type":
      case "DW_TAG_volatile_type":
      case "DW_TAG_restrict_type":
        drafts.add(type, () => derivedType(tag, "", baseId()));
        return true;
      default:
        return false;
    }
  }
}

function derivedType(tag: string, name: string, type: number): BtfType {
  switch (tag) {
    case "DW_TAG_typedef":
      return { kind: "typedef", name, type };
    case "DW_TAG_const_type":
      return { kind: "const", type };
    case "DW_TAG_volatile_type":
      return { kind: "volatile", type };
    case "DW_TAG_restrict_type":
      return { kind: "restrict", type };
    default:
      return { kind: "ptr", type };
  }
}
