/** Structures that describe packet headers (bcc/proto.h and the user's own): where each member lies, counted in bits. */
import type { Declarations } from "../ast/declarations.ts";
import { type AstNode, childrenOf, typeOf } from "../ast/node.ts";

/** The bits of one member. Network order: bit 0 is the most significant one of the first byte. */
export interface PacketField {
  readonly bitOffset: number;
  /** Of one element, for arrays. */
  readonly bits: number;
  readonly isArray: boolean;
}

/** Sizes in bytes of what headers are made of. */
const scalarSizes: Readonly<Record<string, number>> = {
  char: 1,
  "signed char": 1,
  "unsigned char": 1,
  _Bool: 1,
  bool: 1,
  short: 2,
  "unsigned short": 2,
  int: 4,
  "unsigned int": 4,
  long: 8,
  "unsigned long": 8,
  "long long": 8,
  "unsigned long long": 8,
};

/** True for structures marked as BCC marks them: `deprecated("packet")`. */
export function isPacketHeader(record: AstNode): boolean {
  return childrenOf(record).some((child) => child.kind === "DeprecatedAttr" && child.message === "packet");
}

/** Finds members of packet headers. */
export class PacketFields {
  readonly #declarations: Declarations;
  readonly #layouts = new Map<AstNode, ReadonlyMap<string, PacketField> | undefined>();

  constructor(declarations: Declarations) {
    this.#declarations = declarations;
  }

  /** The structure that a member expression's member belongs to, where it is a packet header. */
  headerOf(member: AstNode): AstNode | undefined {
    const record = this.#declarations.ownerOfField.get(member.referencedMemberDecl ?? "");
    return record !== undefined && isPacketHeader(record) ? record : undefined;
  }

  /** The bits of a member; undefined in structures that are not laid out as packets are. */
  fieldOf(header: AstNode, member: AstNode): PacketField | undefined {
    if (!this.#layouts.has(header)) this.#layouts.set(header, layoutOf(header));
    return this.#layouts.get(header)?.get(member.referencedMemberDecl ?? "");
  }
}

function layoutOf(record: AstNode): ReadonlyMap<string, PacketField> | undefined {
  const isPacked = childrenOf(record).some((child) => child.kind === "PackedAttr");
  if (!isPacked || record.tagUsed !== "struct") return undefined;
  const found = new Map<string, PacketField>();
  let position = 0;
  for (const field of childrenOf(record)) {
    if (field.kind !== "FieldDecl") continue;
    const array = /^(.*?)\s*\[(\d+)\]$/.exec(typeOf(field));
    const element = scalarSizes[array?.[1] ?? typeOf(field)];
    if (element === undefined) return undefined;
    const bits = field.isBitfield ? widthOf(field) : element * 8;
    if (bits === undefined) return undefined;
    if (!field.isBitfield) position = Math.ceil(position / 8) * 8;
    const place = { bitOffset: position, bits, isArray: array !== null };
    if (field.id !== undefined) found.set(field.id, place);
    position += bits * Number(array?.[2] ?? 1);
  }
  return found;
}

function widthOf(field: AstNode): number | undefined {
  const width = childrenOf(field).find((child) => child.kind === "ConstantExpr")?.value;
  return typeof width === "string" && /^\d+$/.test(width) ? Number(width) : undefined;
}
