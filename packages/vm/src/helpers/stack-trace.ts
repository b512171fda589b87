/** Helpers that walk the stack. */
import { Errno } from "@bpfkit/base/abi";
import { MAXIMUM_STACK_DEPTH, StackFlag, StackTraceMap } from "../maps/stack-trace.ts";
import type { Machine } from "../program/machine.ts";
import { type HelperDefinition, mustWrite } from "./definition.ts";

function stackOf(machine: Machine, flags: number): readonly bigint[] {
  const user = (flags & StackFlag.User) !== 0;
  const stack = user ? machine.world.userStack() : machine.world.kernelStack();
  return stack.length > MAXIMUM_STACK_DEPTH ? stack.slice(0, MAXIMUM_STACK_DEPTH) : stack;
}

/** bpf_get_stackid(ctx, map, flags): an id, or -EINVAL, -EFAULT, -EEXIST, -ENOMEM. */
export const getStackid: HelperDefinition = {
  name: "get_stackid",
  arguments: ["memory", "map", "wide"],
  result: "int",
  gplOnly: true,
  bind: (machine) => (_context, id, flags, flagsHigh) => {
    const map = machine.map(id as number);
    if (!(map instanceof StackTraceMap)) return machine.faultInHelper("R2 is not a stack trace map");
    const known = StackFlag.SkipMask | StackFlag.User | StackFlag.FastCompare | StackFlag.ReuseId;
    if (flagsHigh !== 0 || ((flags as number) & ~known) !== 0) return -Errno.EINVAL;
    return map.idOf(stackOf(machine, flags as number), flags as number);
  },
};

/** bpf_get_stack(ctx, buf, size, flags): bytes stored, or -EINVAL, -EFAULT with the buffer zeroed. */
export const getStack: HelperDefinition = {
  name: "get_stack",
  arguments: ["memory", "memory", "int", "wide"],
  result: "int",
  gplOnly: true,
  bind: (machine) => (_context, buffer, size, flags, flagsHigh) => {
    const [to, room, wanted] = [buffer as number, size as number, flags as number];
    mustWrite(machine, to, room, 2);
    const { memory } = machine;
    memory.u8.fill(0, to, to + room);
    // Build ids (StackFlag.UserBuildId) are not simulated.
    const unknown = (wanted & ~(StackFlag.SkipMask | StackFlag.User)) !== 0;
    if (flagsHigh !== 0 || unknown || room % 8 !== 0) return -Errno.EINVAL;
    const stack = stackOf(machine, wanted);
    const skip = wanted & StackFlag.SkipMask;
    if (stack.length === 0 || stack.length < skip) return -Errno.EFAULT;
    const frames = stack.slice(skip, skip + room / 8);
    frames.forEach((address, i) => {
      memory.view.setBigUint64(to + i * 8, address, true);
    });
    return frames.length * 8;
  },
};
