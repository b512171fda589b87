/** The questions a CO-RE relocation can ask (uapi linux/bpf.h, enum bpf_core_relo_kind). */

/** enum bpf_core_relo_kind. */
export const RelocationKind = {
  FieldByteOffset: 0,
  FieldByteSize: 1,
  FieldExists: 2,
  FieldSigned: 3,
  FieldLshiftU64: 4,
  FieldRshiftU64: 5,
  TypeIdLocal: 6,
  TypeIdTarget: 7,
  TypeExists: 8,
  TypeSize: 9,
  EnumvalExists: 10,
  EnumvalValue: 11,
  TypeMatches: 12,
} as const;

const names = [
  "field offset",
  "field size",
  "field existence",
  "field signedness",
  "bit-field left shift",
  "bit-field right shift",
  "local type id",
  "target type id",
  "type existence",
  "type size",
  "enumerator existence",
  "enumerator value",
  "type match",
];

/** A kind in words. */
export function kindName(kind: number): string {
  return names[kind] ?? `unknown kind ${kind}`;
}

/** Which of the three families a kind belongs to; undefined: a kind this loader does not know. */
export function kindFamily(kind: number): "field" | "type" | "enum" | undefined {
  if (kind >= 0 && kind <= RelocationKind.FieldRshiftU64) return "field";
  if (kind <= RelocationKind.TypeSize || kind === RelocationKind.TypeMatches) return "type";
  if (kind <= RelocationKind.EnumvalValue) return "enum";
  return undefined;
}
