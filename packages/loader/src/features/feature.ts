/** What loading and attaching may find missing in a kernel: one row each, probed once for each kernel. */
import { compareReleases } from "@bpfkit/base/abi";
import type { Kernel } from "@bpfkit/base/kernel";
import { answerOf } from "./attempt.ts";
import { type FeatureName, featureTable } from "./table.ts";

/** One thing that a kernel can or cannot do. */
export interface Feature {
  /** In words, for lists and messages. */
  readonly description: string;
  /** The first release with it. Distributions bring some of them to older kernels: the probe decides. */
  readonly since: string;
  /** Tries it. Leaves nothing behind. */
  readonly probe: (kernel: Kernel) => boolean;
}

const known = new WeakMap<Kernel, Map<FeatureName, boolean | undefined>>();

/** Whether a kernel has a feature, as far as this process may know; the kernel is asked once. */
export function hasFeature(kernel: Kernel, name: FeatureName): boolean {
  return featureAnswer(kernel, name) ?? false;
}

/** As {@link hasFeature}; undefined where this process was not permitted to find it out. */
function featureAnswer(kernel: Kernel, name: FeatureName): boolean | undefined {
  let answers = known.get(kernel);
  if (answers === undefined) {
    answers = new Map();
    known.set(kernel, answers);
  }
  if (answers.has(name)) return answers.get(name);
  const found = answerOf(() => featureTable[name].probe(kernel));
  answers.set(name, found);
  return found;
}

/** As {@link hasFeature}, without asking kernels of a release that has it anyway: for what no build leaves out. */
export function supports(kernel: Kernel, name: FeatureName): boolean {
  return compareReleases(kernel.release, featureTable[name].since) >= 0 || hasFeature(kernel, name);
}

/** Every feature with its answer, in the order of the table; undefined where finding it out was not permitted. */
export function allFeatures(kernel: Kernel): readonly {
  readonly name: FeatureName;
  readonly feature: Feature;
  readonly supported: boolean | undefined;
}[] {
  return (Object.keys(featureTable) as FeatureName[]).map((name) => ({
    name,
    feature: featureTable[name],
    supported: featureAnswer(kernel, name),
  }));
}
