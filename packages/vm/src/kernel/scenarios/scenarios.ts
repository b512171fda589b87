/** The table of scenarios. A new one is a file and a row here. */
import { addBlockIo, blockIo } from "./block-io.ts";
import { cpuProfile } from "./cpu-profile.ts";
import { addExec, exec } from "./exec.ts";
import { addFileOpens, fileOpen } from "./file-open.ts";
import { PlanBuilder } from "./plan-builder.ts";
import { runQueue } from "./run-queue.ts";
import type { Scenario } from "./scenario.ts";
import { systemCalls } from "./system-calls.ts";
import { tcp } from "./tcp.ts";

const DurationNs = 5_000_000_000;

/** Everything at once: for programs that do not say what they watch. */
export const mixed: Scenario = {
  name: "mixed",
  description: "Five seconds of block I/O, commands with forks and exits, and opened files, all at once.",
  plan(seed) {
    const plan = new PlanBuilder(seed, DurationNs);
    addExec(plan);
    addFileOpens(plan);
    addBlockIo(plan);
    return plan.build();
  },
};

/** All scenarios, the default one first. */
export const scenarios: readonly Scenario[] = [
  mixed,
  blockIo,
  cpuProfile,
  exec,
  fileOpen,
  runQueue,
  systemCalls,
  tcp,
];

/** A scenario by its name; undefined for an unknown one. */
export function scenarioByName(name: string): Scenario | undefined {
  return scenarios.find((scenario) => scenario.name === name);
}
