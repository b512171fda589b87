/** bpf_perf_event_output. */
import { Errno } from "@bpfkit/base/abi";
import { PerfEventArrayMap } from "../maps/descriptor-array.ts";
import { type HelperDefinition, mustRead } from "./definition.ts";

/** BPF_F_CURRENT_CPU, as the low word of the flags. */
const CURRENT_CPU = 0xffff_ffff | 0;

/** bpf_perf_event_output(ctx, map, flags, data, size): 0, -EINVAL, -E2BIG, -ENOENT, -EOPNOTSUPP or -ENOSPC. */
export const perfEventOutput: HelperDefinition = {
  name: "perf_event_output",
  arguments: ["memory", "map", "wide", "memory", "int"],
  result: "int",
  gplOnly: true,
  bind: (machine) => (_context, id, flags, flagsHigh, data, size) => {
    const map = machine.map(id as number);
    if (!(map instanceof PerfEventArrayMap)) return machine.faultInHelper("R2 is not a perf event array");
    const [from, length] = [data as number, size as number];
    mustRead(machine, from, length, 4);
    if (flagsHigh !== 0) return -Errno.EINVAL;
    const index = flags === CURRENT_CPU ? machine.currentCpu() : (flags as number) >>> 0;
    return map.output(index, machine.memory.u8.subarray(from, from + length));
  },
};
