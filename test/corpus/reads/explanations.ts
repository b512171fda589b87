/** The committed list of reads in which bpfkit differs from BCC, with the reason of each. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ReadDifference } from "./compare.ts";

/** Reads that differ for one reason. */
export interface ReadExplanation {
  readonly kind: ReadDifference["kind"];
  readonly reason: string;
  /** Tools, whose variants are meant too. */
  readonly tools: readonly string[];
  /** Expressions; for `type`, parts of the compiler's words. */
  readonly reads: readonly string[];
}

/** Every row. */
export function readExplanations(): readonly ReadExplanation[] {
  const path = join(import.meta.dirname, "expected.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { differences: ReadExplanation[] }).differences;
}

/** The reason that is given for a difference. */
export function explanationOf(
  { program, kind, expression, detail }: ReadDifference,
  rows: readonly ReadExplanation[],
): string | undefined {
  const tool = program.replace(/--.*/, "");
  return rows.find(
    (row) =>
      row.kind === kind &&
      row.tools.includes(tool) &&
      (kind === "type" ? row.reads.some((part) => detail.includes(part)) : row.reads.includes(expression)),
  )?.reason;
}
