/** Histogram maps as slots: one histogram, or one for each value of the key's first member. */
import { UsageError } from "@bpfkit/base/diagnostics";
import type { BtfValue, TypeCodec } from "@bpfkit/loader";

/** The counts of one group. */
export interface HistogramSection {
  /** The key's first member; undefined where the key is the slot itself. */
  readonly bucket: BtfValue | undefined;
  /** Counts by slot. */
  readonly slots: readonly number[];
}

/** log2 histograms have slots 0 to 64; linear ones 0 to 1024. */
export type SlotLimit = 65 | 1025;

/**
 * Groups a map's items, in first-seen order.
 * @throws UsageError where a key has no slot or a slot is beyond the limit
 */
export function histogramSections(
  items: readonly (readonly [key: BtfValue, value: BtfValue])[],
  keyCodec: TypeCodec,
  limit: SlotLimit,
): HistogramSection[] {
  const [section, slot] = keyCodec.members;
  const sections = new Map<string, { bucket: BtfValue | undefined; slots: number[] }>();
  for (const [key, value] of items) {
    let bucket: BtfValue | undefined;
    let number: BtfValue | undefined = key;
    if (keyCodec.shape === "struct") {
      const parts = key as Readonly<Record<string, BtfValue>>;
      bucket = parts[section?.name ?? ""];
      number = parts[slot?.name ?? ""];
    }
    const name = bucketName(bucket);
    let group = sections.get(name);
    if (group === undefined) {
      group = { bucket, slots: [] };
      sections.set(name, group);
    }
    addCount(group.slots, number, value, limit);
  }
  return [...sections.values()];
}

function addCount(slots: number[], slot: BtfValue | undefined, value: BtfValue, limit: SlotLimit): void {
  const index = typeof slot === "bigint" || typeof slot === "number" ? Number(slot) : Number.NaN;
  if (!Number.isInteger(index) || index < 0) {
    throw new UsageError("the map is no histogram: its keys have no slot number");
  }
  if (index >= limit) {
    throw new UsageError(`histogram slot ${index} is beyond the last one, ${limit - 1}`);
  }
  while (slots.length <= index) slots.push(0);
  slots[index] = (slots[index] ?? 0) + countOf(value);
}

/** A count, or the sum of a per-CPU map's counts. */
function countOf(value: BtfValue): number {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.reduce<number>((sum, one) => sum + countOf(one), 0);
  throw new UsageError("the map is no histogram: its values are no counts");
}

/** A group's value as text, for use as an identity and as the default label. */
export function bucketName(bucket: BtfValue | undefined): string {
  if (typeof bucket !== "object") return String(bucket);
  return JSON.stringify(bucket, (_key, part) => (typeof part === "bigint" ? String(part) : part));
}
