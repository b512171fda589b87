/** The committed list of known differences between bpfkit's objects and clang's, with the reason of each. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What is compared: does it build, load, have clang's CO-RE relocations and BTF, and at most 1.25 times its size; do test runs
 * in the kernel give the same results.
 */
export type Check = "build" | "load" | "core" | "btf" | "size" | "results";

/** One difference that a run saw. */
export interface Failure {
  readonly name: string;
  readonly check: Check;
  readonly message: string;
}

/** Programs that differ for one reason. */
export interface ExpectedFailure {
  readonly check: Check;
  /** For `load` and `results`: the start of the release of the kernel that refuses. */
  readonly kernel?: string;
  /** Why this is so, and why it stays for now. */
  readonly reason: string;
  readonly programs: readonly string[];
}

/** The committed file. */
export interface Expectations {
  /** As many files as native clang must build at least in a full run: fewer, and the machine's headers are not right. */
  readonly nativeBuilds: number;
  /** The geometric mean of bpfkit's size over clang's stays below. */
  readonly meanRatio: number;
  /** The same of the instructions that the verifier looks at. */
  readonly meanVerifiedRatio: number;
  readonly failures: readonly ExpectedFailure[];
}

const path = join(import.meta.dirname, "../codegen-expected.json");

/** What is known. */
export function expectations(): Expectations {
  return JSON.parse(readFileSync(path, "utf8")) as Expectations;
}

/** The row that expects a failure. */
export function expectationOf(
  failure: Failure,
  release: string,
  rows: readonly ExpectedFailure[],
): ExpectedFailure | undefined {
  return rows.find(
    (row) =>
      row.check === failure.check &&
      row.programs.includes(failure.name) &&
      (row.kernel === undefined || release.startsWith(row.kernel)),
  );
}

/** The mark of a row that nobody has explained: the tests refuse it. */
export const unexplained = "TO BE EXPLAINED";

/** Adds what a full run saw and drops what passes; each new row asks for a reason. Checks that did not run stay. */
export function bless(failures: readonly Failure[], release: string, ran: (check: Check) => boolean): void {
  const old = expectations();
  const rows = old.failures.flatMap((row) => {
    if (!ran(row.check) || (row.kernel !== undefined && !release.startsWith(row.kernel))) return [row];
    const programs = row.programs.filter((name) =>
      failures.some((failure) => failure.name === name && failure.check === row.check),
    );
    return programs.length === 0 ? [] : [{ ...row, programs }];
  });
  for (const failure of failures) {
    if (expectationOf(failure, release, rows) !== undefined) continue;
    const kernel =
      failure.check === "load" || failure.check === "results"
        ? { kernel: release.split(".").slice(0, 2).join(".") }
        : {};
    const reason = `${unexplained}: ${failure.message}`;
    rows.push({ check: failure.check, ...kernel, reason, programs: [failure.name] });
  }
  writeFileSync(path, `${JSON.stringify({ ...old, failures: rows }, null, 2)}\n`);
}
