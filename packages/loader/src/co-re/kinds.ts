/** The questions a CO-RE relocation can ask: their families and names. */
import { CoreRelocationKind as Kind } from "@bpfkit/elf/btf";

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
  if (kind >= 0 && kind <= Kind.FieldRightShiftU64) return "field";
  if (kind <= Kind.TypeSize || kind === Kind.TypeMatches) return "type";
  if (kind <= Kind.EnumValue) return "enum";
  return undefined;
}
