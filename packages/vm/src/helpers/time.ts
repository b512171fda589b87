/** Helpers for clocks, random numbers and the CPU. */
import type { World } from "../world.ts";
import type { HelperDefinition } from "./definition.ts";

/** A helper without arguments that returns a whole number up to 2^53. */
function counter(name: string, value: (world: World) => number): HelperDefinition {
  return {
    name,
    arguments: [],
    result: "wide",
    bind: (machine) => () => {
      machine.setWideNumber(value(machine.world));
      return 0;
    },
  };
}

/** bpf_ktime_get_ns(): CLOCK_MONOTONIC. */
export const ktimeGetNs = counter("ktime_get_ns", (world) => world.monotonicNs());
/** bpf_ktime_get_boot_ns(): CLOCK_BOOTTIME. */
export const ktimeGetBootNs = counter("ktime_get_boot_ns", (world) => world.bootNs());
/** bpf_ktime_get_coarse_ns(): simulated clocks have no tick, so this is CLOCK_MONOTONIC. */
export const ktimeGetCoarseNs = counter("ktime_get_coarse_ns", (world) => world.monotonicNs());
/** bpf_ktime_get_tai_ns(): CLOCK_TAI. */
export const ktimeGetTaiNs = counter("ktime_get_tai_ns", (world) => world.taiNs());
/** bpf_jiffies64(). */
export const jiffies64 = counter("jiffies64", (world) => world.jiffies());
/** bpf_get_prandom_u32(): zero-extended. */
export const getPrandomU32 = counter("get_prandom_u32", (world) => world.random32() >>> 0);
/** bpf_get_smp_processor_id(). */
export const getSmpProcessorId = counter("get_smp_processor_id", (world) => world.currentCpu());
/** bpf_get_numa_node_id(): the simulated machine has one node. */
export const getNumaNodeId = counter("get_numa_node_id", () => 0);
