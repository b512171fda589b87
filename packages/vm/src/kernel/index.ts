/** The simulated kernel and its scenarios. */
export * from "./scenarios/ground-truth.ts";
export type { Scenario, ScenarioPlan } from "./scenarios/scenario.ts";
export { mixed, scenarioByName, scenarios } from "./scenarios/scenarios.ts";
export * from "./simulated-kernel.ts";
