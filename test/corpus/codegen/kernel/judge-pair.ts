/** What the kernel makes of the same program from two compilers. */
import { nativeRuns, traceDifference } from "./compare-runs.ts";
import { type KernelOracle, NoVerdict } from "./oracle.ts";
import type { ObjectVerdict } from "./session.ts";

/** One program that the kernel takes from clang. */
export interface ProgramPair {
  readonly name: string;
  /** Whether the kernel takes bpfkit's, and the negated errno where not. */
  readonly loads: boolean;
  readonly error: number;
  /** The verifier's "insns processed" of both; absent where bpfkit's is not taken. */
  readonly verified?: { readonly ours: number; readonly native: number };
}

/** The kernel's word on both objects. */
export interface PairVerdict {
  readonly programs: readonly ProgramPair[];
  /** How many results, packets, contexts and map elements were compared. */
  readonly traces: number;
  /** How what the programs did differs. */
  readonly difference?: string;
}

/**
 * Loads both objects and runs what can be run.
 * @param ours asked for only where the kernel takes something of clang's
 */
export async function judgePair(kernel: KernelOracle, ours: string, native: string): Promise<PairVerdict> {
  const first = await kernel.judge({ file: native, run: true });
  const taken = first.programs.filter(({ error }) => error === 0);
  if (taken.length === 0) return { programs: [], traces: 0 };
  const only = taken.map(({ name }) => name);
  let own: ObjectVerdict;
  try {
    own = await kernel.judge({ file: ours, run: true, only });
  } catch (error) {
    // The native object was judged in the same way: this is a refusal.
    if (!(error instanceof NoVerdict)) throw error;
    own = { whole: false, programs: [], traces: [] };
  }
  const programs = taken.map(({ name, section, verified: native = 0 }): ProgramPair => {
    const mine = own.programs.find((one) => one.name === name && one.section === section);
    return mine?.verified === undefined
      ? { name, loads: false, error: mine?.error ?? 0 }
      : { name, loads: true, error: 0, verified: { ours: mine.verified, native } };
  });
  const result = { programs, traces: first.traces.length };
  if (first.traces.length === 0 || programs.some(({ loads }) => !loads)) return result;
  const runs = [first.traces];
  let difference = traceDifference(own.traces, runs);
  while (difference !== undefined && runs.length < nativeRuns) {
    runs.push((await kernel.judge({ file: native, run: true })).traces);
    difference = traceDifference(own.traces, runs);
  }
  return difference === undefined ? result : { ...result, difference };
}
