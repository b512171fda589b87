/** Simulated kernels for tests: booting them and letting their scenario run. */
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import { SimulatedKernel, scenarioByName } from "@bpfkit/vm/kernel";
import { loadBundledProfile } from "bpfkit/node";
import * as assert from "uvu/assert";

/** The bundled profile and its types. */
export const profile = loadBundledProfile();
export const btf = BtfTable.decode(profile.btf);

/** A fresh simulated kernel. */
export function boot(scenario: string, engine: "interpreter" | "jit", seed = 1, cpus = 4): SimulatedKernel {
  const found = scenarioByName(scenario);
  assert.ok(found);
  return new SimulatedKernel({ profile, btf, scenario: found, engine, seed, cpus });
}

/** Lets everything happen, handing over what `take` finds after every wake-up. */
export async function runToEnd(kernel: Kernel, fds: readonly Fd[], take: () => void): Promise<void> {
  for (;;) {
    const { ended, ready } = await kernel.wait(fds, Number.POSITIVE_INFINITY);
    take();
    if (ended && ready.length === 0) return;
  }
}

/** A C string. */
export const text = (bytes: Uint8Array) => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/** CLOCK_MONOTONIC of every simulated kernel when its scenario begins. */
export const startNs = boot("exec", "interpreter").monotonicNs();
