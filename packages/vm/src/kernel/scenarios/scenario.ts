/** A scripted workload: planned from a seed, then played in a simulation. */
import type { Simulation } from "../simulation.ts";
import type { GroundTruth } from "./ground-truth.ts";

/** A scenario with its numbers drawn. */
export interface ScenarioPlan {
  /** Simulated time from start to end, ns. */
  readonly durationNs: number;
  readonly groundTruth: GroundTruth;
  /** Puts the workload's tasks and first events into a simulation; called once, when time begins to pass. */
  readonly start: (simulation: Simulation) => void;
}

/** A workload by name. The same seed gives the same plan. */
export interface Scenario {
  readonly name: string;
  /** One sentence for `--help`. */
  readonly description: string;
  readonly plan: (seed: number) => ScenarioPlan;
}
