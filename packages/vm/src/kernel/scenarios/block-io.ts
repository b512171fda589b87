/** Scenario block-io: several disks, every kind of request, latencies over many powers of two. */
import { RequestFlag, type RequestFlagName, RequestOperation } from "../objects/block-structs.ts";
import type { Task } from "../objects/task.ts";
import { diskIo, type IoCall } from "../paths/file-io.ts";
import type { SeededRandom } from "../random.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import type { BlockIo } from "./ground-truth.ts";
import { Disks, disk, fixedTask, UserId } from "./machine.ts";
import { PlanBuilder } from "./plan-builder.ts";
import type { Scenario } from "./scenario.ts";

/** Durations drawn in proportion to weights: `[weight, shortest us, longest us]`. */
type Distribution = readonly (readonly [weight: number, low: number, high: number])[];

/** A task that does one kind of I/O again and again. */
interface Stream {
  readonly comm: string;
  readonly uid: number;
  readonly kernelThread?: boolean;
  readonly disk: string;
  readonly call: IoCall;
  readonly operation: keyof typeof RequestOperation;
  readonly flags: readonly RequestFlagName[];
  /** Sizes to choose from, in KiB. */
  readonly sizes: readonly number[];
  /** How many; prime numbers, so that no wrong count looks right by accident. */
  readonly count: number;
  readonly queued: Distribution;
  readonly service: Distribution;
}

const DurationNs = 5_000_000_000;
/** No I/O is in flight at the start and the end of the scenario. */
const MarginNs = 20_000_000;
/** Shortest pause between two I/Os of a task. */
const LeastGapNs = 5_000;

const Direct: Distribution = [[1, 0, 0]];
const NvmeRead: Distribution = [
  [70, 64, 127],
  [22, 128, 255],
  [6, 256, 900],
  [2, 1100, 3900],
];
const DiskRead: Distribution = [
  [20, 150, 900],
  [60, 2100, 8000],
  [20, 8200, 24000],
];

const Streams: readonly Stream[] = [
  {
    comm: "fio",
    uid: UserId.user,
    disk: "nvme0n1",
    call: "pread64",
    operation: "read",
    flags: [],
    sizes: [4, 4, 4, 16],
    count: 701,
    queued: [
      [80, 0, 0],
      [20, 2, 60],
    ],
    service: NvmeRead,
  },
  {
    comm: "postgres",
    uid: UserId.postgres,
    disk: "nvme0n1",
    call: "pwrite64",
    operation: "write",
    flags: ["sync", "idle"],
    sizes: [8],
    count: 307,
    queued: [[1, 1, 30]],
    service: [
      [50, 16, 31],
      [45, 32, 63],
      [5, 300, 1000],
    ],
  },
  {
    comm: "postgres",
    uid: UserId.postgres,
    disk: "nvme0n1",
    call: "fsync",
    operation: "flush",
    flags: ["preflush"],
    sizes: [0],
    count: 101,
    queued: Direct,
    service: [
      [80, 520, 1000],
      [20, 1030, 4000],
    ],
  },
  {
    comm: "jbd2/sda1-8",
    uid: UserId.root,
    kernelThread: true,
    disk: "sda",
    call: "kernel",
    operation: "write",
    flags: ["sync", "meta", "prio"],
    sizes: [4, 8, 32],
    count: 97,
    queued: [[1, 100, 3000]],
    service: [
      [80, 4100, 8000],
      [20, 8200, 16000],
    ],
  },
  {
    comm: "jbd2/sda1-8",
    uid: UserId.root,
    kernelThread: true,
    disk: "sda",
    call: "kernel",
    operation: "write",
    flags: ["sync", "fua", "preflush"],
    sizes: [4],
    count: 23,
    queued: [[1, 50, 900]],
    service: [[1, 8300, 32000]],
  },
  {
    comm: "tar",
    uid: UserId.user,
    disk: "sda",
    call: "pread64",
    operation: "read",
    flags: ["readAhead"],
    sizes: [128],
    count: 211,
    queued: [
      [50, 3, 40],
      [50, 500, 4000],
    ],
    service: DiskRead,
  },
  {
    comm: "kworker/u8:2",
    uid: UserId.root,
    kernelThread: true,
    disk: "sdb",
    call: "kernel",
    operation: "write",
    flags: ["background"],
    sizes: [64, 256, 512],
    count: 151,
    queued: [[1, 1000, 9000]],
    service: [
      [70, 4100, 12000],
      [25, 12100, 16300],
      [5, 16400, 40000],
    ],
  },
  {
    comm: "fstrim",
    uid: UserId.root,
    disk: "sdb",
    call: "ioctl",
    operation: "discard",
    flags: ["sync"],
    sizes: [1024, 16384],
    count: 13,
    queued: [[1, 10, 90]],
    service: [[1, 33000, 65000]],
  },
];

/** Draws a duration in ns; whole microseconds plus a rest that no conversion may round up. */
function draw(random: SeededRandom, distribution: Distribution): number {
  const total = distribution.reduce((sum, [weight]) => sum + weight, 0);
  let point = random.between(1, total);
  for (const [weight, low, high] of distribution) {
    point -= weight;
    if (point <= 0) return high === 0 ? 0 : random.between(low, high) * 1000 + random.between(0, 999);
  }
  return 0;
}

/** Draws a stream's I/Os and spreads them over the time there is. */
function planStream(plan: PlanBuilder, stream: Stream, pid: number): BlockIo[] {
  const { random } = plan;
  const description = Disks.find(({ name }) => name === stream.disk)!;
  const commandFlags = stream.flags.reduce<number>(
    (bits, flag) => bits | RequestFlag[flag],
    RequestOperation[stream.operation],
  );
  const drawn = Array.from({ length: stream.count }, () => {
    const bytes = random.pick(stream.sizes) * 1024;
    const sector = bytes === 0 ? 0 : random.between(1, Math.floor(description.sectors / 64) - 4096) * 64;
    const queuedNs = draw(random, stream.queued);
    return { bytes, sector, queuedNs, serviceNs: draw(random, stream.service), gap: random.between(20, 180) };
  });
  const busyNs = drawn.reduce((sum, { queuedNs, serviceNs }) => sum + queuedNs + serviceNs + LeastGapNs, 0);
  const gaps = drawn.reduce((sum, { gap }) => sum + gap, 0);
  const gapUnitNs = (plan.durationNs - 2 * MarginNs - busyNs) / gaps;
  let timeNs = MarginNs;
  return drawn.map(({ bytes, sector, queuedNs, serviceNs, gap }) => {
    timeNs += Math.floor(gap * gapUnitNs) + LeastGapNs;
    const { comm, operation, flags } = stream;
    const io = {
      timeNs,
      pid,
      comm,
      disk: stream.disk,
      operation,
      flags,
      commandFlags,
      sector,
      bytes,
      queuedNs,
      serviceNs,
    };
    timeNs += queuedNs + serviceNs;
    return io;
  });
}

function* play(simulation: Simulation, task: Task, call: IoCall, ios: readonly BlockIo[]): Activity {
  for (const io of ios) {
    yield* simulation.sleepUntil(io.timeNs);
    const { operation, flags, sector, bytes, queuedNs, serviceNs } = io;
    const target = disk(simulation, io.disk);
    yield* diskIo(simulation, task, call, {
      disk: target,
      operation,
      flags,
      sector,
      bytes,
      queuedNs,
      serviceNs,
    });
  }
}

/** Adds the block I/O workload to a plan. */
export function addBlockIo(plan: PlanBuilder): void {
  for (const stream of Streams) {
    const pid = plan.takePid();
    const ios = planStream(plan, stream, pid);
    plan.truth.blockIo.push(...ios);
    const { comm, uid, kernelThread = false, call } = stream;
    plan.atStart((simulation) => {
      const parent = fixedTask(simulation, kernelThread ? "kthreadd" : "systemd");
      const cpu = pid % simulation.world.cpuCount;
      simulation.spawn({ pid, comm, uid, kernelThread, parent, cpu }, MarginNs / 2, (task) =>
        play(simulation, task, call, ios),
      );
    });
  }
}

/** The scenario. */
export const blockIo: Scenario = {
  name: "block-io",
  description: "Five seconds of reads, writes, flushes and discards on nvme0n1, sda and sdb.",
  plan(seed) {
    const plan = new PlanBuilder(seed, DurationNs);
    addBlockIo(plan);
    return plan.build();
  },
};
