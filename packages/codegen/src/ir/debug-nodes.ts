/** Reads the fields of debug information nodes: names, numbers, references, element lists, flags. */
import type { MetadataField, MetadataNode, MetadataTable, SpecialisedNode } from "./metadata.ts";

/** A node that other nodes refer to, with its number as identity. */
export interface DebugNode {
  /** Metadata number; equal numbers mean the same node. */
  readonly id: number;
  /** The class: "DICompositeType", ... */
  readonly tag: string;
  readonly node: SpecialisedNode;
}

/** Reads debug information of one module. Nodes are cached, so `===` compares identity. */
export class DebugNodes {
  private readonly table: MetadataTable;
  private readonly known = new Map<number, DebugNode>();
  private readonly inline = new Map<MetadataNode, DebugNode>();

  constructor(table: MetadataTable) {
    this.table = table;
  }

  /** The specialised node with this number; undefined for tuples and missing numbers. */
  get(id: number | undefined): DebugNode | undefined {
    if (id === undefined) return undefined;
    const known = this.known.get(id);
    if (known !== undefined) return known;
    const node = this.table.node(id);
    if (node?.kind !== "specialised") return undefined;
    const found = { id, tag: node.tag, node };
    this.known.set(id, found);
    return found;
  }

  /** The node a field refers to. */
  reference(from: DebugNode, field: string): DebugNode | undefined {
    return this.resolve(from.node.fields.get(field));
  }

  /** The node a field or a tuple element stands for. */
  resolve(field: MetadataField | undefined): DebugNode | undefined {
    if (field === undefined) return undefined;
    if (field.kind === "reference") return this.get(field.id);
    if (field.kind !== "node" || field.node.kind !== "specialised") return undefined;
    const known = this.inline.get(field.node);
    if (known !== undefined) return known;
    const found = { id: this.table.add(field.node), tag: field.node.tag, node: field.node };
    this.inline.set(field.node, found);
    this.known.set(found.id, found);
    return found;
  }

  /** The elements of the tuple a field refers to; none where it is absent. */
  tuple(from: DebugNode, field: string): readonly MetadataField[] {
    return this.elements(from.node.fields.get(field));
  }

  /** The elements of a tuple. */
  elements(value: MetadataField | undefined): readonly MetadataField[] {
    if (value === undefined) return [];
    let node: MetadataNode | undefined;
    if (value.kind === "reference") node = this.table.node(value.id);
    else if (value.kind === "node") node = value.node;
    return node?.kind === "tuple" ? node.elements : [];
  }

  /** The nodes in the tuple a field refers to; elements that are no nodes are left out. */
  nodes(from: DebugNode, field: string): DebugNode[] {
    const found: DebugNode[] = [];
    for (const element of this.tuple(from, field)) {
      const node = this.resolve(element);
      if (node !== undefined) found.push(node);
    }
    return found;
  }

  /** The text of a string field, "" where absent. */
  text(from: DebugNode, field: string): string {
    const value = from.node.fields.get(field);
    if (value?.kind === "string") return value.text;
    if (value?.kind !== "reference") return "";
    const node = this.table.node(value.id);
    return node?.kind === "string" ? node.text : "";
  }

  /** The text of an element of a tuple that is a string, "" otherwise. */
  elementText(value: MetadataField | undefined): string {
    if (value?.kind === "string") return value.text;
    if (value?.kind !== "reference") return "";
    const node = this.table.node(value.id);
    return node?.kind === "string" ? node.text : "";
  }

  /** The value of a number field, also where it is written as a constant (`i64 384`); undefined where absent. */
  bigint(from: DebugNode, field: string): bigint | undefined {
    const value = from.node.fields.get(field);
    if (value?.kind === "number") return value.value;
    if (value?.kind === "constant" && value.value.kind === "int") {
      return BigInt.asIntN(value.value.type.bits, value.value.value);
    }
    return undefined;
  }

  /** The value of a number field, 0 where absent. */
  number(from: DebugNode, field: string): number {
    return Number(this.bigint(from, field) ?? 0n);
  }

  /** The keyword of a field (`DW_TAG_member`), "" where absent. */
  keyword(from: DebugNode, field: string): string {
    const value = from.node.fields.get(field);
    return value?.kind === "keyword" ? value.text : "";
  }

  /** True where a field is the keyword `true`. */
  isTrue(from: DebugNode, field: string): boolean {
    return this.keyword(from, field) === "true";
  }

  /** True where a list of flags (`DIFlagA | DIFlagB`) holds a flag. */
  hasFlag(from: DebugNode, field: string, flag: string): boolean {
    const text = this.keyword(from, field);
    return text === flag || (text.includes(flag) && text.split(" | ").includes(flag));
  }
}
