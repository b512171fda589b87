/** The Kernel port and the facts recorded of one kernel. */
export * from "./bpf-links.ts";
export * from "./bpf-objects.ts";
export * from "./bpf-syscalls.ts";
export * from "./clock.ts";
export * from "./kernel.ts";
export * from "./kernel-files.ts";
export * from "./kernel-profile.ts";
export * from "./map-batches.ts";
export * from "./network.ts";
export * from "./perf-events.ts";
export * from "./ring-memory.ts";
