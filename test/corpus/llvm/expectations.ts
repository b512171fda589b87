/** Differences from `llc` that are known, with the reason for each. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Difference } from "./measure.ts";

/** One known difference. */
export interface Expectation {
  readonly tests: readonly string[];
  readonly checks: readonly string[];
  /** Why it is one, and why it stays. */
  readonly reason: string;
}

/** The list beside this folder. */
export function expectations(): readonly Expectation[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../llvm-expected.json"), "utf8"));
}

/** The row that a difference falls under. */
export function expectationOf(difference: Difference, rows: readonly Expectation[]): Expectation | undefined {
  return rows.find((row) => row.tests.includes(difference.name) && row.checks.includes(difference.check));
}

/** Rows with tests that ran and do not differ any more, each as text. */
export function staleRows(
  differences: readonly Difference[],
  ran: ReadonlySet<string>,
  rows: readonly Expectation[],
): string[] {
  return rows.flatMap(({ tests, checks, reason }) =>
    tests.flatMap((name) =>
      checks
        .filter(
          (check) => ran.has(name) && !differences.some((one) => one.name === name && one.check === check),
        )
        .map((check) => `${name} does not differ in ${check} any more; llvm-expected.json says: ${reason}`),
    ),
  );
}
