/** Puts a scenario together from parts that share process ids, random numbers, ground truth and a beginning. */
import { SeededRandom } from "../random.ts";
import type { Simulation } from "../simulation.ts";
import { GroundTruthBuilder } from "./ground-truth.ts";
import type { ScenarioPlan } from "./scenario.ts";

/** First process id that scenarios give to their own processes. */
const FirstPid = 2301;

/** A plan in the making. */
export class PlanBuilder {
  readonly random: SeededRandom;
  readonly truth = new GroundTruthBuilder();
  readonly durationNs: number;
  readonly #beginnings: ((simulation: Simulation) => void)[] = [];
  #nextPid = FirstPid;

  constructor(seed: number, durationNs: number) {
    this.random = new SeededRandom(seed);
    this.durationNs = durationNs;
  }

  /** Process ids grow, with gaps, as on a machine where other things run too. */
  takePid(): number {
    const pid = this.#nextPid;
    this.#nextPid += this.random.between(1, 3);
    return pid;
  }

  /** Called with the simulation when the scenario starts. */
  atStart(begin: (simulation: Simulation) => void): void {
    this.#beginnings.push(begin);
  }

  build(): ScenarioPlan {
    return {
      durationNs: this.durationNs,
      groundTruth: this.truth.build(),
      start: (simulation) => {
        for (const begin of this.#beginnings) begin(simulation);
      },
    };
  }
}
