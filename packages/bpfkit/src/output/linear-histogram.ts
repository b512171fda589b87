/** Linear histograms as text, in the columns that BCC's users know. */
import { histogramBar } from "./log2-histogram.ts";

const barWidth = 40;

/** The lines of a histogram with one row a slot, up to the last slot that has a count. */
export function linearHistogramLines(slots: readonly number[], label: string): string[] {
  let last = slots.length - 1;
  while (last >= 0 && (slots[last] ?? 0) === 0) last -= 1;
  if (last < 0) return [];
  const maximum = slots.reduce((most, count) => Math.max(most, count ?? 0), 0);
  const lines = [`     ${label.padEnd(13)} : count     distribution`];
  for (let slot = 0; slot <= last; slot++) {
    const count = slots[slot] ?? 0;
    const bar = histogramBar(count, maximum, barWidth);
    lines.push(`        ${String(slot).padEnd(10)} : ${String(count).padEnd(8)} |${bar}|`);
  }
  return lines;
}
