/** The BPF virtual machine: memory, maps, helpers, the reference interpreter and the WebAssembly JIT. */

export { PerfEventArrayMap, ProgramArrayMap } from "./maps/descriptor-array.ts";
export * from "./maps/map.ts";
export * from "./maps/ring.ts";
export { RingBufferMap } from "./maps/ring-buffer.ts";
export * from "./memory/address-space.ts";
export * from "./memory/layout.ts";
export * from "./memory/user-space.ts";
export * from "./program/fault.ts";
export * from "./program/machine.ts";
export * from "./program/program.ts";
export * from "./world.ts";
