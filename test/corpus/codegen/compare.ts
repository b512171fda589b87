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
 * How the types of two runs of `bpftool -j btf dump file` differ, whatever their numbering and order. Each type is known by
 * its own words and by everything that it refers to, however deep.
 */
export function typeDifference(ours: string, native: string): string | undefined {
  const dumps = [ours, native].map((text) => (JSON.parse(text) as { types: readonly DumpedType[] }).types);
  let labels = dumps.map(
    (types) => new Map([[0, "void"], ...types.map(({ id }) => [Number(id), ""] as const)]),
  );
  let classes = 0;
  // Types that look alike are told apart by what they refer to, round after round, until no round tells more apart.
  for (;;) {
    labels = dumps.map((types, index) => relabel(types, labels[index] ?? new Map()));
    const now = new Set(labels.flatMap((map) => [...map.values()])).size;
    if (now === classes) break;
    classes = now;
  }
  const [left = [], right = []] = dumps.map((types, index) =>
    types.map(
      (type) => `${String(type["kind"])} ${String(type["name"])} ${labels[index]?.get(Number(type["id"]))}`,
    ),
  );
  return listDifference(left.sort(), right.sort());
}

/**
 * A label for each type: a digest of its JSON with the labels of the round before in place of ids. What is in a data section
 * counts by its offset, not by its place in the list.
 */
function relabel(types: readonly DumpedType[], labels: ReadonlyMap<number, string>): Map<number, string> {
  const words = (part: unknown): string =>
    JSON.stringify(part, (key, value: unknown) => {
      if (key === "id") return undefined;
      return key.endsWith("type_id") ? `<${labels.get(Number(value)) ?? "?"}>` : value;
    });
  const next = new Map([[0, "void"]]);
  for (const { vars, ...type } of types) {
    const text = [words(type), ...(Array.isArray(vars) ? vars.map(words).sort() : [])].join("\n");
    next.set(Number(type["id"]), createHash("sha256").update(text).digest("hex").slice(0, 12));
  }
  return next;
}
