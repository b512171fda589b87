/** bpf_tail_call. */
import { Errno } from "@bpfkit/base/abi";
import { ProgramArrayMap } from "../maps/descriptor-array.ts";
import { RunnableProgram } from "../program/runnable-program.ts";
import type { HelperDefinition } from "./definition.ts";

/** bpf_tail_call(ctx, prog_array, index): does not return when it succeeds. */
export const tailCall: HelperDefinition = {
  name: "tail_call",
  arguments: ["memory", "map", "int"],
  result: "tail",
  bind: (machine) => (context, id, index) => {
    const map = machine.map(id as number);
    if (!(map instanceof ProgramArrayMap)) return machine.faultInHelper("R2 is not a program array");
    const position = (index as number) >>> 0;
    if (position >= map.maxEntries) return -Errno.E2BIG;
    const target = map.target(position);
    if (target === undefined) return -Errno.ENOENT;
    if (!(target instanceof RunnableProgram)) return -Errno.EINVAL;
    return machine.tailCall(target, context as number) ? 1 : -Errno.ELOOP;
  },
};
