/** Helpers on ring buffer maps. */
import { Errno } from "@bpfkit/base/abi";
import { RingBufferMap, RingFlag } from "../maps/ring-buffer.ts";
import type { Machine } from "../program/machine.ts";
import { type HelperDefinition, mustRead } from "./definition.ts";

function ringArgument(machine: Machine, id: number): RingBufferMap {
  const map = machine.map(id);
  return map instanceof RingBufferMap ? map : machine.faultInHelper("R1 is not a ring buffer");
}

/** bpf_ringbuf_output(ringbuf, data, size, flags): 0, -EINVAL or -EAGAIN. */
export const ringbufOutput: HelperDefinition = {
  name: "ringbuf_output",
  arguments: ["map", "memory", "int", "wide"],
  result: "int",
  bind: (machine) => (id, data, size, flags, flagsHigh) => {
    const ring = ringArgument(machine, id as number);
    mustRead(machine, data as number, size as number, 2);
    if (flagsHigh !== 0) return -Errno.EINVAL;
    return ring.output(data as number, size as number, flags as number);
  },
};

/** bpf_ringbuf_reserve(ringbuf, size, flags): memory for a record, NULL when it does not fit. */
export const ringbufReserve: HelperDefinition = {
  name: "ringbuf_reserve",
  arguments: ["map", "int", "wide"],
  result: "memory",
  bind: (machine) => (id, size, flags, flagsHigh) => {
    const ring = ringArgument(machine, id as number);
    if (flags !== 0 || flagsHigh !== 0) return 0;
    const sample = ring.reserve(size as number);
    if (sample !== 0) machine.reservations.set(sample, ring);
    return sample;
  },
};

function finisher(name: string, discard: boolean): HelperDefinition {
  return {
    name,
    arguments: ["memory", "wide"],
    result: "int",
    bind: (machine) => (sample, flags) => {
      const ring = machine.reservations.get(sample as number);
      if (ring === undefined) {
        return machine.faultInHelper("R1 is not the start of a reserved ring buffer record");
      }
      machine.reservations.delete(sample as number);
      ring.commit(sample as number, discard, (flags as number) & (RingFlag.NoWakeup | RingFlag.ForceWakeup));
      return 0;
    },
  };
}

/** bpf_ringbuf_submit(data, flags). */
export const ringbufSubmit = finisher("ringbuf_submit", false);
/** bpf_ringbuf_discard(data, flags). */
export const ringbufDiscard = finisher("ringbuf_discard", true);

/** bpf_ringbuf_query(ringbuf, flags). */
export const ringbufQuery: HelperDefinition = {
  name: "ringbuf_query",
  arguments: ["map", "wide"],
  result: "wide",
  bind: (machine) => (id, question, questionHigh) => {
    const ring = ringArgument(machine, id as number);
    machine.setWideNumber(questionHigh === 0 ? ring.query(question as number) : 0);
    return 0;
  },
};
