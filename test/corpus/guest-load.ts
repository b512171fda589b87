/** Loads objects into Debian's 6.1 in QEMU with bpfkit's own loader; nothing is attached there either. */
import type { GuestRun } from "../kernel/guest/boot.ts";
import { type GuestTools, runGuest } from "../kernel/guest/machine.ts";

/** What the guest's kernel said of one object. */
export interface GuestVerdict {
  readonly name: string;
  /** Why it was refused; undefined where every program was loaded. */
  readonly refusal: string | undefined;
}

/** What became of each object, in the order of names. */
export interface GuestLoading {
  readonly release: string;
  readonly verdicts: readonly GuestVerdict[];
}

/**
 * Boots the guest and loads every object there.
 * @param objects By program name.
 * @throws Error with the end of the console where the guest did not get through all of them
 */
export async function loadInGuest(
  tools: GuestTools,
  objects: ReadonlyMap<string, Uint8Array>,
): Promise<GuestLoading> {
  const files = new Map([...objects].map(([name, object]) => [`${name}.o`, object]));
  // Half a minute to boot, and two seconds for each object on a machine that has other work.
  const limitMs = 120_000 + 4_000 * objects.size;
  const run = await runGuest(tools, { agent: "load-agent", objects: files, kernelModules: [], limitMs });
  return { release: tools.kernel.release, verdicts: verdictsOf(run, objects.size) };
}

function verdictsOf(run: GuestRun, count: number): GuestVerdict[] {
  const verdicts = run.reports.flatMap((report) =>
    report.kind === "load" ? [{ name: report.name, refusal: report.error }] : [],
  );
  if (verdicts.length === count) return verdicts;
  const how = run.hung ? "hung and was killed" : "ended";
  throw new Error(
    `the guest ${how} after ${verdicts.length} of ${count} objects:\n${run.console.slice(-3000)}`,
  );
}
