/** What two objects made from the same C have in common: code size, CO-RE relocations, BTF. */
import { createHash } from "node:crypto";
import { BtfTable, decodeExtInfo } from "@bpfkit/elf/btf";
import { readObject, SectionFlag } from "@bpfkit/elf/object";

/** What is compared of an object besides its BTF. */
export interface ObjectFacts {
  /** Slots of 8 bytes in all executable sections. */
  readonly instructions: number;
  /** `section kind name access relocation-kind`, sorted, each once. */
  readonly coreRelocations: readonly string[];
  readonly hasBtf: boolean;
}

/** Reads an object with bpfkit's own decoders. @throws BpfkitError for a malformed one */
export function objectFacts(bytes: Uint8Array, name: string): ObjectFacts {
  const { sections } = readObject(bytes, name);
  const code = sections.filter(({ flags }) => (flags & SectionFlag.Execinstr) !== 0);
  const instructions = code.reduce((sum, { size }) => sum + size / 8, 0);
  const btf = sections.find((section) => section.name === ".BTF");
  const ext = sections.find((section) => section.name === ".BTF.ext");
  const tuples = new Set<string>();
  if (btf !== undefined && ext !== undefined) {
    const table = BtfTable.decode(btf.data);
    for (const [section, relocations] of decodeExtInfo(ext.data, table).coreRelocations) {
      for (const { typeId, access, kind } of relocations) {
        const type = table.type(typeId);
        const typeName = "name" in type ? type.name : "";
        tuples.add(`${section} ${type.kind} ${typeName} ${access} ${kind}`);
      }
    }
  }
  return { instructions, coreRelocations: [...tuples].sort(), hasBtf: btf !== undefined };
}

/** What one list has and the other has not, in words; undefined where they are equal. */
export function listDifference(ours: readonly string[], native: readonly string[]): string | undefined {
  const surplus = withoutAll(ours, native);
  const lacking = withoutAll(native, ours);
  if (surplus.length === 0 && lacking.length === 0) return undefined;
  const words = (what: string, list: readonly string[]): string[] =>
    list.length === 0 ? [] : [`${what} ${list.length} (${list.slice(0, 2).join("; ")})`];
  return [...words("only bpfkit:", surplus), ...words("only clang:", lacking)].join(", ");
}

/** The multiset difference. */
function withoutAll(list: readonly string[], other: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const item of other) counts.set(item, (counts.get(item) ?? 0) + 1);
  return list.filter((item) => {
    const left = counts.get(item) ?? 0;
    counts.set(item, left - 1);
    return left <= 0;
  });
}

/** One type as `bpftool -j btf dump` prints it. */
type DumpedType = Readonly<Record<string, unknown>>;

/**
 * The types of `bpftool -j btf dump file`, each as a text that does not depend on numbering and order: its own words and
 * a digest of everything it refers to, however deep.
 */
export function canonicalTypes(dump: string): string[] {
  const { types } = JSON.parse(dump) as { types: readonly DumpedType[] };
  let labels = new Map<number, string>([[0, "void"]]);
  for (const type of types) labels.set(Number(type["id"]), "");
  let classes = 0;
  // Types that look alike are told apart by what they refer to, round after round, until no round tells more apart.
  for (;;) {
    const next = new Map<number, string>([[0, "void"]]);
    for (const type of types) next.set(Number(type["id"]), digest(describe(type, labels)));
    labels = next;
    const now = new Set(labels.values()).size;
    if (now === classes) break;
    classes = now;
  }
  return types
    .map((type) => `${String(type["kind"])} ${String(type["name"])} ${labels.get(Number(type["id"]))}`)
    .sort();
}

/** A type's JSON with labels for ids. */
function describe(type: DumpedType, labels: ReadonlyMap<number, string>): string {
  return JSON.stringify(type, (key, value: unknown) => {
    if (key === "id") return undefined;
    return key.endsWith("type_id") ? `<${labels.get(Number(value)) ?? "?"}>` : value;
  });
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
