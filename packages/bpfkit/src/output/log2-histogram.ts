/** Power-of-two histograms as text, in the columns that BCC's users know. */

/** How wide the numbers and the bar are; BCC changes both above slot 32. */
interface Columns {
  readonly number: number;
  readonly bar: number;
  readonly label: string;
  readonly labelWidth: number;
}

const narrow: Columns = { number: 10, bar: 40, label: " ".repeat(5), labelWidth: 19 };
const wide: Columns = { number: 20, bar: 20, label: " ".repeat(15), labelWidth: 29 };
const widestNarrowSlot = 32;

/** A bar of `width` characters, filled in proportion of `count` to `maximum`. */
export function histogramBar(count: number, maximum: number, width: number): string {
  const stars = maximum > 0 ? Math.min(width, Math.floor((width * count) / maximum)) : 0;
  return "*".repeat(stars).padEnd(width);
}

/** The lowest and highest value counted in a slot made by `bpf_log2l`: slot 1 holds 0 and 1, slot n up to 2^n - 1. */
export function log2SlotRange(slot: number): { readonly low: bigint; readonly high: bigint } {
  const high = (1n << BigInt(slot)) - 1n;
  return { low: slot <= 1 ? 0n : 1n << BigInt(slot - 1), high };
}

/**
 * The lines of a histogram. Nothing is printed where no slot above 0 has a count.
 * @param slots counts by slot number; missing ones are 0
 * @param label what the values are, for example `usecs`
 */
export function log2HistogramLines(
  slots: readonly number[],
  label: string,
  options: { readonly stripLeadingZero?: boolean } = {},
): string[] {
  let last = slots.length - 1;
  while (last > 0 && (slots[last] ?? 0) === 0) last -= 1;
  if (last <= 0) return [];
  const maximum = slots.reduce((most, count) => Math.max(most, count ?? 0), 0);
  const columns = last <= widestNarrowSlot ? narrow : wide;
  const lines = [`${columns.label}${label.padEnd(columns.labelWidth)} : count     distribution`];
  let started = options.stripLeadingZero !== true;
  for (let slot = 1; slot <= last; slot++) {
    const count = slots[slot] ?? 0;
    if (!started && count === 0) continue;
    started = true;
    const { low, high } = log2SlotRange(slot);
    const range = `${String(low).padStart(columns.number)} -> ${String(high).padEnd(columns.number)}`;
    lines.push(`${range} : ${String(count).padEnd(8)} |${histogramBar(count, maximum, columns.bar)}|`);
  }
  return lines;
}
