/** A process that judges damaged IR, so that one that never ends can be ended: told a text and seeds, it reports each case. */
import { damaged } from "./damage.ts";
import { type Ending, judgeGeneration, judgeLowering } from "./judge.ts";

/** One case to judge. */
export interface Case {
  readonly text: string;
  readonly seed: number;
  /** Unoptimised IR goes through the lowering of CO-RE accesses only. */
  readonly stage: "lower" | "generate";
}

/** How a case ended. */
export interface CaseReport {
  readonly seed: number;
  readonly ending: Ending;
  readonly milliseconds: number;
}

/** Instruction sets take turns with the seeds. */
const cpus = ["v3", "v4", "v3", "v1", "v2"] as const;

process.on("message", ({ text, seed, stage }: Case) => {
  const start = performance.now();
  const input = damaged(text, seed);
  const ending = stage === "lower" ? judgeLowering(input) : judgeGeneration(input, cpus[seed % cpus.length]!);
  const report: CaseReport = { seed, ending, milliseconds: performance.now() - start };
  process.send?.(report);
});
process.on("disconnect", () => process.exit(0));
