/** Every test of the guest, in the order in which they run. */
import type { GuestCase } from "../guest-case.ts";
import type { KernelChoice } from "../kernel-package.ts";
import { cgroupHookCases } from "./cgroup-hooks.ts";
import { cgroupCases } from "./cgroups.ts";
import { commandCases } from "./command.ts";
import { cpuToolCases } from "./cpu-tools.ts";
import { cycleCases } from "./cycles.ts";
import { extensionCases } from "./extensions.ts";
import { faultCases } from "./faults.ts";
import { floodCases } from "./floods.ts";
import { iteratorCases } from "./iterators.ts";
import { kernelProbeCases } from "./kernel-probes.ts";
import { killedCases } from "./killed.ts";
import { loadedCases } from "./loaded.ts";
import { mapCases } from "./maps.ts";
import { networkCases } from "./network.ts";
import { networkToolCases } from "./network-tools.ts";
import { newerNetworkCases } from "./newer-network.ts";
import { newerProbeCases } from "./newer-probes.ts";
import { newerProgramCases } from "./newer-programs.ts";
import { privilegeCases } from "./privileges.ts";
import { probeCases } from "./probes.ts";
import { rejectionCases } from "./rejections.ts";
import { ringCases } from "./rings.ts";
import { sleepableCases } from "./sleepable.ts";
import { socketProgramCases } from "./socket-programs.ts";
import { structOpsCases } from "./struct-ops.ts";
import { symbolCases } from "./symbols.ts";
import { toolCommandCases } from "./tool-commands.ts";
import { toolCases } from "./tools.ts";
import { uprobeCases } from "./uprobes.ts";
import { userProbeCases } from "./user-probes.ts";

const all: readonly GuestCase[] = [
  ...mapCases,
  ...probeCases,
  ...uprobeCases,
  ...kernelProbeCases,
  ...userProbeCases,
  ...networkCases,
  ...cgroupCases,
  ...cgroupHookCases,
  ...socketProgramCases,
  ...sleepableCases,
  ...iteratorCases,
  ...newerProbeCases,
  ...newerNetworkCases,
  ...newerProgramCases,
  ...ringCases,
  ...floodCases,
  ...structOpsCases,
  ...extensionCases,
  ...toolCases,
  ...cpuToolCases,
  ...networkToolCases,
  ...toolCommandCases,
  ...symbolCases,
  ...loadedCases,
  ...rejectionCases,
  ...commandCases,
  ...privilegeCases,
  ...killedCases,
  ...cycleCases,
  // The last of these locks the kernel down.
  ...faultCases,
];

/** The cases of a kernel. */
export function casesOf(kernel: KernelChoice): readonly GuestCase[] {
  return all.filter(({ only }) => only === undefined || only === kernel);
}
