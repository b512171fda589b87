/** Helpers that call back into the program. */
import { Errno } from "@bpfkit/base/abi";
import { MAP_HANDLE_HIGH } from "../program/handles.ts";
import type { Machine } from "../program/machine.ts";
import { type HelperDefinition, mapArgument } from "./definition.ts";

/** BPF_MAX_LOOPS. */
const MAX_LOOPS = 1 << 23;

function callbackArgument(machine: Machine, fn: number): void {
  if (!machine.isFunction(fn)) machine.faultInHelper("R2 is not a function of the program");
}

/** bpf_loop(nr_loops, callback, ctx, flags): iterations made, -EINVAL for flags, -E2BIG beyond 2^23. */
export const loop: HelperDefinition = {
  name: "loop",
  arguments: ["int", "callback", "wide", "wide"],
  result: "int",
  bind: (machine) => (count, fn, low, high, flagsLow, flagsHigh) => {
    callbackArgument(machine, fn as number);
    if (flagsLow !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
    const iterations = (count as number) >>> 0;
    if (iterations > MAX_LOOPS) return -Errno.E2BIG;
    const frame = machine.callerFrame();
    for (let i = 0; i < iterations; i++) {
      machine.setArgument(0, i, 0);
      machine.setArgument(1, low as number, high as number);
      for (let rest = 2; rest < 5; rest++) machine.setArgument(rest, 0, 0);
      if (machine.invoke(fn as number, frame) !== 0) return i + 1;
    }
    return iterations;
  },
};

/** bpf_for_each_map_elem(map, callback, ctx, flags): elements visited, -EINVAL for flags and other map types. */
export const forEachMapElem: HelperDefinition = {
  name: "for_each_map_elem",
  arguments: ["map", "callback", "wide", "wide"],
  result: "int",
  bind: (machine) => (id, fn, low, high, flagsLow, flagsHigh) => {
    const map = mapArgument(machine, id as number);
    callbackArgument(machine, fn as number);
    if (flagsLow !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
    const frame = machine.callerFrame();
    return map.walk((key, value) => {
      machine.setArgument(0, map.id, MAP_HANDLE_HIGH);
      machine.setPointerArgument(1, key);
      machine.setPointerArgument(2, value);
      machine.setArgument(3, low as number, high as number);
      machine.setArgument(4, 0, 0);
      return machine.invoke(fn as number, frame);
    });
  },
};
