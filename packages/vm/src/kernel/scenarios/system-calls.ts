/** Scenario system-calls: five processes make system calls of many kinds, some in vain; one of them ends early. */

import type { Task } from "../objects/task.ts";
import { type PlainCall, plainCall } from "../paths/plain-call.ts";
import { exitProcess } from "../paths/process.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import type { SystemCallName } from "../system-call-numbers.ts";
import { FixedPid, fixedTask, UserId } from "./machine.ts";
import { PlanBuilder } from "./plan-builder.ts";
import type { Scenario } from "./scenario.ts";

const DurationNs = 5_000_000_000;
/** Calls are made between these times. */
const FirstNs = 50_000_000;
const LastNs = 4_900_000_000;

const Errno = { EPERM: 1, ENOENT: 2, ESRCH: 3, EAGAIN: 11, ETIMEDOUT: 110 } as const;

/** Calls of one kind. */
interface CallKind {
  readonly call: SystemCallName;
  /** How often; the counts of all kinds of one call add up to a prime number or differ between calls. */
  readonly count: number;
  /** Shortest and longest time in the kernel, us. */
  readonly us: readonly [number, number];
  /** It waits, without using the CPU. */
  readonly sleeps?: boolean;
  /** What it returns; -errno for a call that fails. */
  readonly result: number;
}

/** A process and what it calls. */
interface Caller {
  readonly name: keyof typeof FixedPid | "python3" | "find";
  readonly uid: number;
  readonly kinds: readonly CallKind[];
  /** When it stops and exits, ns; absent for those that live on. */
  readonly exitNs?: number;
}

const Callers: readonly Caller[] = [
  {
    name: "nginx",
    uid: UserId.wwwData,
    kinds: [
      { call: "epoll_wait", count: 211, us: [300, 4000], sleeps: true, result: 1 },
      { call: "accept4", count: 103, us: [3, 9], result: 12 },
      { call: "recvfrom", count: 149, us: [2, 12], result: 512 },
      { call: "recvfrom", count: 41, us: [1, 3], result: -Errno.EAGAIN },
      { call: "sendto", count: 137, us: [8, 60], result: 1448 },
    ],
  },
  {
    name: "postgres",
    uid: UserId.postgres,
    kinds: [
      { call: "futex", count: 157, us: [20, 3000], sleeps: true, result: 0 },
      { call: "futex", count: 31, us: [5000, 5100], sleeps: true, result: -Errno.ETIMEDOUT },
      { call: "lseek", count: 307, us: [1, 2], result: 8192 },
      { call: "read", count: 263, us: [4, 30], result: 8192 },
    ],
  },
  {
    name: "snmpd",
    uid: UserId.snmp,
    kinds: [
      { call: "kill", count: 17, us: [1, 2], result: -Errno.EPERM },
      { call: "kill", count: 11, us: [1, 2], result: -Errno.ESRCH },
      { call: "read", count: 71, us: [6, 90], result: 1024 },
    ],
  },
  {
    name: "python3",
    uid: UserId.user,
    kinds: [
      { call: "newfstatat", count: 83, us: [2, 9], result: -Errno.ENOENT },
      { call: "newfstatat", count: 59, us: [3, 12], result: 0 },
      { call: "mmap", count: 47, us: [5, 20], result: 0x7f3c_0000 },
      { call: "getpid", count: 401, us: [1, 1], result: 4242 },
    ],
  },
  {
    name: "find",
    uid: UserId.user,
    exitNs: 3_000_000_000,
    kinds: [
      { call: "getdents64", count: 61, us: [10, 80], result: 4080 },
      { call: "newfstatat", count: 109, us: [2, 12], result: 0 },
    ],
  },
];

/** A call with its time drawn, ns since the start. */
interface PlannedCall extends PlainCall {
  readonly timeNs: number;
}

/** Draws the calls of one process, mixes their order and states them. */
function planCalls(plan: PlanBuilder, caller: Caller, pid: number, ppid: number): PlannedCall[] {
  const { random, truth } = plan;
  const kinds = caller.kinds.flatMap((kind) => Array.from({ length: kind.count }, () => kind));
  for (let at = kinds.length - 1; at > 0; at--) {
    const other = random.between(0, at);
    [kinds[at], kinds[other]] = [kinds[other]!, kinds[at]!];
  }
  const endNs = caller.exitNs === undefined ? LastNs : caller.exitNs - 10_000_000;
  const slotNs = Math.floor((endNs - FirstNs) / kinds.length);
  let timeNs = FirstNs;
  return kinds.map(({ call, us, sleeps = false, result }) => {
    timeNs += random.between(1000, Math.floor(slotNs / 8));
    const durationNs = random.between(us[0] * 1000, us[1] * 1000 + 999);
    truth.systemCalls.push({ timeNs, durationNs, pid, ppid, comm: caller.name, call, ret: result });
    const planned = { timeNs, call, args: [3n, 0n, 64n], result, durationNs, sleeps };
    timeNs += durationNs;
    return planned;
  });
}

function* play(
  simulation: Simulation,
  task: Task,
  calls: readonly PlannedCall[],
  exitNs: number | undefined,
): Activity {
  for (const call of calls) {
    yield* simulation.sleepUntil(call.timeNs);
    yield* plainCall(simulation, task, call);
  }
  if (exitNs === undefined) return;
  yield* simulation.sleepUntil(exitNs);
  yield* exitProcess(simulation, task, 0);
}

/** Adds the workload to a plan. */
export function addSystemCalls(plan: PlanBuilder): void {
  for (const caller of Callers) {
    const { name, uid, exitNs } = caller;
    const isFixed = name in FixedPid;
    const pid = isFixed ? FixedPid[name as keyof typeof FixedPid] : plan.takePid();
    const parent = isFixed ? "systemd" : "bash";
    const calls = planCalls(plan, caller, pid, FixedPid[parent]);
    if (exitNs !== undefined) plan.truth.exits.push({ timeNs: exitNs, pid, comm: name, status: 0 });
    plan.atStart((simulation) => {
      const task = isFixed
        ? fixedTask(simulation, name as keyof typeof FixedPid)
        : simulation.world.createTask({ pid, comm: name, uid, parent: fixedTask(simulation, parent) });
      simulation.scheduler.startAt(
        simulation.startNs + FirstNs / 2,
        task,
        play(simulation, task, calls, exitNs),
      );
    });
  }
}

/** The scenario. */
export const systemCalls: Scenario = {
  name: "system-calls",
  description: "Five seconds of system calls by five processes: quick ones, waiting ones, failing ones.",
  plan(seed) {
    const plan = new PlanBuilder(seed, DurationNs);
    addSystemCalls(plan);
    return plan.build();
  },
};
