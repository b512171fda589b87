/** A world where nothing moves unless a test says so. */
import { AddressSpace } from "../memory/address-space.ts";
import type { Attachment, TaskView, World } from "../world.ts";

/** A {@link World} whose parts a test may set; it records what programs print. */
export interface StillWorld extends World {
  cpu: number;
  now: number;
  task: TaskView;
  kernelAddresses: readonly bigint[];
  userAddresses: readonly bigint[];
  attached: Attachment;
  readonly printed: string[];
  /** Ids of maps that were reported readable. */
  readonly wakeups: number[];
}

/** Four CPUs, one task, a clock at one second, random numbers 1, 2, 3 ... */
export function stillWorld(): StillWorld {
  let random = 0;
  const comm = new Uint8Array(16);
  new TextEncoder().encodeInto("still", comm);
  const world: StillWorld = {
    memory: new AddressSpace({ maximumBytes: 64 * 1024 * 1024 }),
    release: "6.1.0",
    cpuCount: 4,
    cpu: 0,
    now: 1_000_000_000,
    task: { pid: 101, tgid: 100, uid: 1000, gid: 1001, comm, address: 0n, cgroupId: 7n },
    kernelAddresses: [],
    userAddresses: [],
    attached: { functionAddress: 0n, cookie: 0n },
    printed: [],
    wakeups: [],
    currentCpu: () => world.cpu,
    monotonicNs: () => world.now,
    bootNs: () => world.now + 5,
    taiNs: () => world.now + 37_000_000_000,
    jiffies: () => 4_294_967_296,
    random32: () => ++random,
    currentTask: () => world.task,
    kernelStack: () => world.kernelAddresses,
    userStack: () => world.userAddresses,
    attachment: () => world.attached,
    tracePrint: (message) => world.printed.push(message),
    notifyReadable: (mapId) => world.wakeups.push(mapId),
  };
  return world;
}
