/** Runs cases of damaged IR until the time is up, and collects what went wrong. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Case, CaseReport } from "./worker.ts";

/** IR text with a name for messages. */
export interface IrSource {
  readonly name: string;
  readonly text: string;
  readonly stage: Case["stage"];
}

/** A case that must not be. */
export interface Fault {
  readonly name: string;
  readonly stage: Case["stage"];
  /** Does the same damage again. */
  readonly seed: number;
  readonly message: string;
}

/** What a run found. */
export interface Result {
  readonly cases: number;
  readonly refused: number;
  readonly built: number;
  readonly faults: readonly Fault[];
  readonly slowest: { readonly name: string; readonly seed: number; readonly milliseconds: number };
}

/** A case that takes longer hangs. Sound texts take less than a second on a slow machine. */
const mostMilliseconds = 120_000;

/** Damages the sources in turn, with ascending seeds. */
export async function runDamaged(
  sources: readonly IrSource[],
  options: { readonly firstSeed: number; readonly seconds: number; readonly mostCases?: number },
): Promise<Result> {
  const end = performance.now() + options.seconds * 1000;
  const faults: Fault[] = [];
  const counts = { cases: 0, refused: 0, built: 0 };
  let slowest = { name: "", seed: 0, milliseconds: 0 };
  let worker = start();
  for (let seed = options.firstSeed; performance.now() < end; seed++) {
    if (counts.cases >= (options.mostCases ?? Number.POSITIVE_INFINITY) || faults.length >= 20) break;
    const { name, text, stage } = sources[seed % sources.length]!;
    const report = await judge(worker, { text, seed, stage });
    counts.cases++;
    if (report === undefined) {
      worker.kill("SIGKILL");
      worker = start();
      faults.push({ name, stage, seed, message: "no end in two minutes, or the process died" });
      continue;
    }
    if (report.milliseconds > slowest.milliseconds)
      slowest = { name, seed, milliseconds: report.milliseconds };
    if (typeof report.ending === "string") counts[report.ending]++;
    else faults.push({ name, stage, seed, message: report.ending.fault });
  }
  worker.kill("SIGKILL");
  return { ...counts, faults, slowest };
}

function start(): ChildProcess {
  return fork(join(import.meta.dirname, "worker.ts"));
}

function judge(worker: ChildProcess, one: Case): Promise<CaseReport | undefined> {
  return new Promise((resolve) => {
    const settle = (report: CaseReport | undefined): void => {
      clearTimeout(timer);
      worker.off("message", settle);
      worker.off("error", die);
      worker.off("exit", die);
      resolve(report);
    };
    const die = (): void => settle(undefined);
    const timer = setTimeout(die, mostMilliseconds);
    worker.on("message", settle);
    worker.on("error", die);
    worker.on("exit", die);
    worker.send(one);
  });
}
