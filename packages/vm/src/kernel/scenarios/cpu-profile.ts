/** Scenario cpu-profile: programs and a kernel thread that use CPUs in functions of their own and of the kernel. */
import type { Task } from "../objects/task.ts";
import { LibraryStart } from "../objects/user-code.ts";
import { systemCall } from "../paths/system-call.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import type { SystemCallName } from "../system-call-numbers.ts";
import { fixedTask, UserId } from "./machine.ts";
import { PlanBuilder } from "./plan-builder.ts";
import type { Scenario } from "./scenario.ts";

const DurationNs = 5_000_000_000;
const FirstNs = 20_000_000;
const LastNs = 4_960_000_000;

/** What a task does for some time. */
interface Work {
  /** Its share of the time, in parts of all shares. */
  readonly share: number;
  /** Functions of the program, outermost first. */
  readonly user: readonly string[];
  /** The system call it is in, and the functions below the call's own. */
  readonly call?: SystemCallName;
  readonly kernel?: readonly string[];
}

/** A task that stays on one CPU. */
interface Worker {
  readonly comm: string;
  readonly uid: number;
  readonly cpu: number;
  readonly kernelThread?: boolean;
  /** Parts of its time in which it sleeps. */
  readonly idleShare: number;
  readonly works: readonly Work[];
}

const ReadPath = ["ksys_read", "vfs_read", "ext4_file_read_iter", "filemap_read"];
const WritePath = ["ksys_write", "vfs_write", "ext4_file_write_iter", "generic_perform_write"];
const ThreadFrames = ["ret_from_fork", "kthread", "kcompactd", "compact_zone"];

const Workers: readonly Worker[] = [
  {
    comm: "encode",
    uid: UserId.user,
    cpu: 1,
    idleShare: 0,
    works: [
      { share: 30, user: ["main", "encode_file", "transform_block", "dct"] },
      { share: 14, user: ["main", "encode_file", "transform_block", "quantize"] },
      { share: 9, user: ["main", "encode_file", "write_bits"] },
      { share: 7, user: ["main", "encode_file", "read_block"], call: "read", kernel: ReadPath },
      { share: 5, user: ["main", "encode_file", "write_bits"], call: "write", kernel: WritePath },
    ],
  },
  {
    comm: "search",
    uid: UserId.user,
    cpu: 2,
    idleShare: 20,
    works: [
      { share: 20, user: ["main", "find_matches", "hash<char const*>"] },
      { share: 11, user: ["main", "find_matches", "compare & copy"] },
      { share: 6, user: ["main", "load_index"], call: "pread64", kernel: ["vfs_read", "filemap_read"] },
    ],
  },
  {
    comm: "kcompactd0",
    uid: UserId.root,
    cpu: 3,
    kernelThread: true,
    idleShare: 35,
    works: [
      { share: 9, user: [], kernel: [...ThreadFrames, "isolate_migratepages_block"] },
      { share: 4, user: [], kernel: [...ThreadFrames, "migrate_pages"] },
    ],
  },
];

/** One stretch of work, ns since the start. */
interface Phase {
  readonly startNs: number;
  readonly endNs: number;
  readonly work: Work | undefined;
}

/** Shortest and longest stretch of one kind of work, ns. */
const Stretch = [2_000_000, 70_000_000] as const;

/** Draws stretches of work and of sleep, and states those of work. */
function planPhases(plan: PlanBuilder, worker: Worker, pid: number): Phase[] {
  const { random, truth } = plan;
  const shares: readonly (readonly [Work | undefined, number])[] = [
    ...worker.works.map((work) => [work, work.share] as const),
    [undefined, worker.idleShare],
  ];
  const total = shares.reduce((sum, [, share]) => sum + share, 0);
  const phases: Phase[] = [];
  for (let timeNs = FirstNs; timeNs < LastNs; ) {
    let point = random.between(1, total);
    const chosen = shares.find(([, share]) => {
      point -= share;
      return point <= 0;
    });
    const work = chosen?.[0];
    const endNs = Math.min(LastNs, timeNs + random.between(...Stretch));
    phases.push({ startNs: timeNs, endNs, work });
    if (work !== undefined) {
      const { comm, cpu } = worker;
      truth.cpuPhases.push({ timeNs, endNs, pid, comm, cpu, ...stacks(worker, work) });
    }
    timeNs = endNs;
  }
  return phases;
}

/** The stacks that samples show, outermost function first. */
function stacks(
  { kernelThread }: Worker,
  work: Work,
): { readonly user: string[]; readonly kernel: string[] } {
  if (kernelThread === true) return { user: [], kernel: [...(work.kernel ?? [])] };
  const user = ["_start", LibraryStart, ...work.user];
  if (work.call === undefined) return { user, kernel: [] };
  const entry = ["entry_SYSCALL_64_after_hwframe", "do_syscall_64", `__x64_sys_${work.call}`];
  return { user: [...user, work.call], kernel: [...entry, ...(work.kernel ?? [])] };
}

function* play(simulation: Simulation, task: Task, phases: readonly Phase[]): Activity {
  for (const { startNs, endNs, work } of phases) {
    yield* work === undefined
      ? simulation.sleepUntil(endNs)
      : workUntil(simulation, task, work, startNs, endNs);
  }
}

function* workUntil(
  simulation: Simulation,
  task: Task,
  work: Work,
  startNs: number,
  endNs: number,
): Activity {
  const { tracer } = simulation;
  const { user, call, kernel = [] } = work;
  task.userFrames = user;
  yield* simulation.runUntil(startNs);
  const inKernel = function* (): Activity<bigint> {
    for (const name of kernel) tracer.enter(name);
    yield* simulation.runUntil(endNs);
    for (let left = kernel.length; left > 0; left--) tracer.leave(4096n);
    return 4096n;
  };
  if (call === undefined) yield* inKernel();
  else yield* systemCall(simulation, task, call, () => [3n, 0n, 4096n, 0n], inKernel);
}

/** Adds the workload to a plan. What it states holds on a machine with at least four CPUs. */
export function addCpuProfile(plan: PlanBuilder): void {
  for (const worker of Workers) {
    const { comm, uid, cpu, kernelThread = false, works } = worker;
    const pid = plan.takePid();
    const phases = planPhases(plan, worker, pid);
    plan.atStart((simulation) => {
      const parent = fixedTask(simulation, kernelThread ? "kthreadd" : "bash");
      const functions = new Set(["_start", ...works.flatMap(({ user }) => user)]);
      if (!kernelThread) simulation.world.userPrograms.declare(comm, [...functions]);
      simulation.spawn({ pid, comm, uid, kernelThread, parent, cpu, pinned: true }, FirstNs, (task) =>
        play(simulation, task, phases),
      );
    });
  }
}

/** The scenario. */
export const cpuProfile: Scenario = {
  name: "cpu-profile",
  description: "Five seconds of work in functions of two programs and of the kernel, on three of four CPUs.",
  plan(seed) {
    const plan = new PlanBuilder(seed, DurationNs);
    addCpuProfile(plan);
    return plan.build();
  },
};
