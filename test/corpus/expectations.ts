/** The committed list of what is known to fail, with the reason of each. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where a program stopped. */
export type Stage = "build" | "golden" | "load";

/** Programs that fail for one reason. */
export interface ExpectedFailure {
  readonly stage: Stage;
  /** Part of the message. */
  readonly message: string;
  readonly reason: string;
  /** For `load`: the start of the release of the kernel that refuses. */
  readonly kernel?: string;
  readonly programs: readonly string[];
}

/** One program's failure as a run saw it. */
export interface Failure {
  readonly program: string;
  readonly stage: Stage;
  readonly message: string;
}

const listOf = (name: string): string => join(import.meta.dirname, `${name}.json`);

/**
 * Every expected failure.
 * @param list Which list, of this folder: that of Debian's tools, or that of BCC's source tree.
 */
export function expectedFailures(
  list: "expected" | "bcc-tree-expected" = "expected",
): readonly ExpectedFailure[] {
  return (JSON.parse(readFileSync(listOf(list), "utf8")) as { failures: ExpectedFailure[] }).failures;
}

/** The row that expects a failure. */
export function expectationOf(
  failure: Failure,
  release: string,
  rows: readonly ExpectedFailure[],
): ExpectedFailure | undefined {
  return rows.find(
    (row) =>
      row.stage === failure.stage &&
      failure.message.includes(row.message) &&
      row.programs.includes(failure.program) &&
      (row.kernel === undefined || release.startsWith(row.kernel)),
  );
}

/** Writes the list anew from a full run; reasons stay, rows for new messages ask for one. */
export function bless(
  failures: readonly Failure[],
  release: string,
  ran: (stage: Stage) => boolean,
  list: "expected" | "bcc-tree-expected" = "expected",
): void {
  const old = expectedFailures(list);
  const rows = new Map<string, ExpectedFailure>();
  for (const row of old) if (!ran(row.stage)) rows.set(`${row.stage}:${row.message}`, row);
  for (const failure of failures) {
    const known = old.find((row) => row.stage === failure.stage && failure.message.includes(row.message));
    const message = known?.message ?? failure.message;
    const key = `${failure.stage}:${message}`;
    const kernel = failure.stage === "load" ? { kernel: release.split(".").slice(0, 2).join(".") } : {};
    rows.set(key, {
      stage: failure.stage,
      message,
      reason: known?.reason ?? "TO BE EXPLAINED",
      ...kernel,
      programs: [...(rows.get(key)?.programs ?? []), failure.program].sort(),
    });
  }
  writeFileSync(listOf(list), `${JSON.stringify({ failures: [...rows.values()] }, null, 2)}\n`);
}
