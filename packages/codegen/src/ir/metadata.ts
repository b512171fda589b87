/** Metadata: nodes by number, read from the text only when somebody asks, since most are never looked at. */
import type { Constant } from "./value.ts";

/** A value of a field or an element of a tuple. */
export type MetadataField =
  | { readonly kind: "reference"; readonly id: number }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "number"; readonly value: bigint }
  /** `true`, `DW_TAG_member`, `DIFlagPrototyped | DIFlagVector`. */
  | { readonly kind: "keyword"; readonly text: string }
  | { readonly kind: "node"; readonly node: MetadataNode }
  | { readonly kind: "constant"; readonly value: Constant }
  /** A value local to a function, in arguments of debug intrinsics. */
  | { readonly kind: "local"; readonly name: string }
  | { readonly kind: "null" };

/** `!{...}`. */
export interface MetadataTuple {
  readonly kind: "tuple";
  readonly distinct: boolean;
  readonly elements: readonly MetadataField[];
}

/** `!DISubprogram(name: "f", ...)`. */
export interface SpecialisedNode {
  readonly kind: "specialised";
  readonly distinct: boolean;
  /** The class: "DISubprogram", "DILocation", ... */
  readonly tag: string;
  readonly fields: ReadonlyMap<string, MetadataField>;
  /** Fields without a name, as DIExpression has. */
  readonly operands: readonly MetadataField[];
}

/** `!"text"` as a node of its own. */
export interface MetadataString {
  readonly kind: "string";
  readonly distinct: false;
  readonly text: string;
}

/** Any node. */
export type MetadataNode = MetadataTuple | SpecialisedNode | MetadataString;

/** The numbered nodes of a module. */
export interface MetadataTable {
  /** One more than the largest id. */
  readonly size: number;
  /**
   * The node with this id, parsed on first use.
   * @throws BpfkitError CG001 where the node's text is malformed.
   */
  node(id: number): MetadataNode | undefined;
  /** Adds a node and returns its id; for inline `!DILocation(...)` and for passes. */
  add(node: MetadataNode): number;
}
