/** Opens the simulated kernel by the name of its workload. */
import { UsageError } from "@bpfkit/base/diagnostics";
import type { KernelProfile } from "@bpfkit/base/kernel";
import { type Scenario, SimulatedKernel, scenarioByName, scenarios } from "@bpfkit/vm/kernel";
import { profileBtf } from "../profile-btf.ts";

/** Which simulated machine to open. */
export interface SimulationOptions {
  readonly profile: KernelProfile;
  /** A scenario's name. */
  readonly scenario: string;
  /** Another seed is another run of the same workload; default 1. */
  readonly seed?: number;
  readonly engine?: "jit" | "interpreter";
}

/** The workload with a name. @throws UsageError listing all of them */
export function scenarioNamed(name: string): Scenario {
  const scenario = scenarioByName(name);
  if (scenario !== undefined) return scenario;
  const known = scenarios.map((each) => each.name).join(", ");
  throw new UsageError(`there is no workload '${name}'`, { hint: `Workloads: ${known}` });
}

/** A simulated kernel in which nothing has happened yet. @throws UsageError for an unknown workload */
export function simulatedKernel(options: SimulationOptions): SimulatedKernel {
  const { profile, scenario, seed = 1, engine = "jit" } = options;
  return new SimulatedKernel({
    profile,
    btf: profileBtf(profile),
    scenario: scenarioNamed(scenario),
    engine,
    seed,
  });
}
