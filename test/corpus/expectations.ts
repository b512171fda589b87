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
  /** For `load`: the release of the kernel that refused. */
  readonly release?: string;
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

/** Whether a row is about kernels of a release; rows of other stages are about all. */
export const isAbout = (row: ExpectedFailure, release: string | undefined): boolean =>
  row.kernel === undefined || release?.startsWith(`${row.kernel}.`) === true;

/** The row that expects a failure. */
export function expectationOf(
  failure: Failure,
  rows: readonly ExpectedFailure[],
): ExpectedFailure | undefined {
  return rows.find(
    (row) =>
      row.stage === failure.stage &&
      failure.message.includes(row.message) &&
      row.programs.includes(failure.program) &&
      isAbout(row, failure.release),
  );
}

/** `6.1.0-56-cloud-amd64` -> `6.1`. */
const series = (release: string): string => release.split(".").slice(0, 2).join(".");

/**
 * Writes the list anew from a full run; reasons stay, rows for new messages ask for one.
 * @param ran Whether the run has asked about what a row is about.
 */
export function bless(
  failures: readonly Failure[],
  ran: (row: ExpectedFailure) => boolean,
  list: "expected" | "bcc-tree-expected" = "expected",
): void {
  const old = expectedFailures(list);
  const keyOf = (row: Pick<ExpectedFailure, "stage" | "message" | "kernel">): string =>
    `${row.stage}:${row.kernel ?? ""}:${row.message}`;
  const rows = new Map<string, ExpectedFailure>();
  for (const row of old) if (!ran(row)) rows.set(keyOf(row), row);
  for (const { program, stage, message, release } of failures) {
    const kernel = release === undefined ? {} : { kernel: series(release) };
    const known = old.find(
      (row) => row.stage === stage && message.includes(row.message) && isAbout(row, release),
    );
    const row = { stage, message: known?.message ?? message, ...kernel };
    rows.set(keyOf(row), {
      stage,
      message: row.message,
      reason: known?.reason ?? "TO BE EXPLAINED",
      ...kernel,
      programs: [...(rows.get(keyOf(row))?.programs ?? []), program].sort(),
    });
  }
  writeFileSync(listOf(list), `${JSON.stringify({ failures: [...rows.values()] }, null, 2)}\n`);
}
