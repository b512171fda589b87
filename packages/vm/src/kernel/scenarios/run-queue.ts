/** Scenario run-queue: four busy CPUs for which woken, new and preempted tasks have to wait. */
import type { Task } from "../objects/task.ts";
import { exitProcess, fork } from "../paths/process.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import { fixedTask, UserId } from "./machine.ts";
import { PlanBuilder } from "./plan-builder.ts";
import type { Scenario } from "./scenario.ts";

const DurationNs = 5_000_000_000;
/** When the CPUs become busy, and when the first task wants one of them. */
const BusyNs = 10_000_000;
const FirstNs = 50_000_000;
/** As fork and exit take in the kernel. */
const ForkNs = 48_000;
const ExitNs = 35_000;
/** Shortest time for which a task sleeps, and for which a preempted one runs between two others. */
const LeastNs = 2_000;

/** Time of each CPU between the turns, on average. */
const PausesNs = 3_100_000_000;

/** The pid namespace of the container. */
const ContainerNamespace = 0xf000_01c2;

/** Waits drawn in proportion to weights: `[weight, shortest us, longest us]`. */
type Distribution = readonly (readonly [weight: number, low: number, high: number])[];

/** A task that wakes up, runs shortly and sleeps again. */
interface Waker {
  readonly comm: string;
  readonly uid: number;
  readonly cpu: number;
  /** How often it wakes up; prime numbers, so that no wrong count looks right by accident. */
  readonly count: number;
  readonly wait: Distribution;
  /** For how long it runs each time, us. */
  readonly us: readonly [number, number];
  readonly inContainer?: boolean;
  /** It forks a child each time. */
  readonly forks?: boolean;
}

const Quick: Distribution = [
  [60, 1, 15],
  [30, 16, 120],
  [10, 130, 900],
];
const Slow: Distribution = [
  [50, 300, 1900],
  [40, 2100, 7900],
  [10, 8200, 15900],
];

const Wakers: readonly Waker[] = [
  { comm: "nginx", uid: UserId.wwwData, cpu: 0, count: 211, wait: Quick, us: [40, 400] },
  { comm: "postgres", uid: UserId.postgres, cpu: 0, count: 101, wait: Slow, us: [200, 3000] },
  {
    comm: "redis-server",
    uid: UserId.user,
    cpu: 1,
    count: 307,
    wait: Quick,
    us: [20, 90],
    inContainer: true,
  },
  { comm: "worker", uid: UserId.user, cpu: 1, count: 89, wait: Slow, us: [500, 4000], inContainer: true },
  { comm: "sshd", uid: UserId.root, cpu: 2, count: 53, wait: Quick, us: [50, 250] },
  { comm: "make", uid: UserId.user, cpu: 3, count: 41, wait: Quick, us: [200, 900], forks: true },
];

/** The tasks that keep the CPUs busy, one on each. */
const BusyComm = "stress-ng-cpu";
const BusyCpus = [0, 1, 2, 3] as const;

/** One time on the CPU, ns since the start. */
interface Turn {
  readonly wokenNs: number;
  readonly runNs: number;
  readonly endNs: number;
  readonly child?: { readonly pid: number; readonly turn: Turn };
}

function draw({ random }: PlanBuilder, distribution: Distribution): number {
  let point = random.between(1, 100);
  for (const [weight, low, high] of distribution) {
    point -= weight;
    if (point <= 0) return random.between(low * 1000, high * 1000 + 999);
  }
  return 0;
}

/** The turns of one CPU, one after the other; who runs in between is preempted by each of them. */
class CpuPlan {
  readonly #plan: PlanBuilder;
  readonly #cpu: number;
  readonly #busyPid: number;
  /** When the last turn ends. */
  #endNs = FirstNs;

  constructor(plan: PlanBuilder, cpu: number, busyPid: number) {
    this.#plan = plan;
    this.#cpu = cpu;
    this.#busyPid = busyPid;
    this.#state({ timeNs: BusyNs, waitNs: 0, pid: busyPid, comm: BusyComm, reason: "woken" });
  }

  /** A turn of a task that is awake from `wokenNs` on, or wakes up `waitNs` before its turn. */
  turn(
    who: { readonly pid: number; readonly comm: string; readonly reason: "woken" | "new" },
    when: { readonly earliestNs: number; readonly wokenNs?: number; readonly waitNs?: number },
    lengthNs: number,
  ): Turn {
    const { waitNs = 0 } = when;
    const runNs = Math.max(this.#endNs + LeastNs, when.earliestNs + waitNs);
    const wokenNs = when.wokenNs ?? runNs - waitNs;
    const endNs = runNs + lengthNs;
    this.#state({ timeNs: wokenNs, waitNs: runNs - wokenNs, ...who });
    this.#state({ timeNs: runNs, waitNs: lengthNs, pid: this.#busyPid, comm: BusyComm, reason: "preempted" });
    this.#endNs = endNs;
    return { wokenNs, runNs, endNs };
  }

  /** Lets time pass without turns. */
  pause(ns: number): void {
    this.#endNs += ns;
  }

  #state(wait: {
    readonly timeNs: number;
    readonly waitNs: number;
    readonly pid: number;
    readonly comm: string;
    readonly reason: "woken" | "new" | "preempted";
  }): void {
    this.#plan.truth.runQueueWaits.push({ ...wait, cpu: this.#cpu });
  }
}

/** Draws the turns of all tasks of a CPU, in a mixed order. */
function planTurns(plan: PlanBuilder, cpu: CpuPlan, wakers: readonly (Waker & { pid: number })[]) {
  const { random, truth } = plan;
  const order = wakers.flatMap((waker) => Array.from({ length: waker.count }, () => waker));
  for (let at = order.length - 1; at > 0; at--) {
    const other = random.between(0, at);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  const turns = new Map<number, Turn[]>(wakers.map(({ pid }) => [pid, []]));
  const pauseNs = Math.floor(PausesNs / order.length);
  for (const { pid, comm, wait, us, forks } of order) {
    const own = turns.get(pid)!;
    cpu.pause(random.between(0, 2 * pauseNs));
    const earliestNs = (own.at(-1)?.endNs ?? FirstNs) + LeastNs;
    const lengthNs = random.between(us[0] * 1000, us[1] * 1000);
    const turn = cpu.turn({ pid, comm, reason: "woken" }, { earliestNs, waitNs: draw(plan, wait) }, lengthNs);
    if (forks !== true) {
      own.push(turn);
      continue;
    }
    const child = plan.takePid();
    const wokenNs = turn.runNs + ForkNs;
    cpu.pause(random.between(LeastNs, 300_000));
    const childNs = random.between(80_000, 2_000_000) + ExitNs;
    const childTurn = cpu.turn(
      { pid: child, comm, reason: "new" },
      { earliestNs: wokenNs, wokenNs },
      childNs,
    );
    truth.forks.push({ timeNs: turn.runNs, parent: pid, child, comm });
    truth.exits.push({ timeNs: childTurn.endNs - ExitNs, pid: child, comm, status: 0 });
    own.push({ ...turn, child: { pid: child, turn: childTurn } });
  }
  return turns;
}

function* live(simulation: Simulation, task: Task, turns: readonly Turn[]): Activity {
  for (const [index, turn] of turns.entries()) {
    // The first time it has been woken, and has waited, already.
    if (index > 0) {
      const ns = turn.wokenNs - simulation.elapsedNs;
      yield { kind: "sleep", ns, queueNs: turn.runNs - turn.wokenNs };
    }
    const { child } = turn;
    if (child !== undefined) {
      const queueNs = child.turn.runNs - child.turn.wokenNs;
      yield* fork(simulation, task, { pid: child.pid, queueNs }, function* (made) {
        yield* simulation.runUntil(child.turn.endNs - ExitNs);
        yield* exitProcess(simulation, made, 0);
      });
    }
    yield* simulation.runUntil(turn.endNs);
  }
}

function* beBusy(): Activity {
  yield { kind: "run", ns: 2 * DurationNs };
}

/** Adds the workload to a plan. What it states holds on a machine with at least four CPUs. */
export function addRunQueue(plan: PlanBuilder): void {
  for (const cpu of BusyCpus) {
    const busyPid = plan.takePid();
    const wakers = Wakers.filter((waker) => waker.cpu === cpu).map((waker) => ({
      ...waker,
      pid: plan.takePid(),
    }));
    const turns = planTurns(plan, new CpuPlan(plan, cpu, busyPid), wakers);
    plan.atStart((simulation) => {
      const parent = fixedTask(simulation, "bash");
      const place = { cpu, pinned: true };
      simulation.spawn({ pid: busyPid, comm: BusyComm, uid: UserId.user, parent, ...place }, BusyNs, beBusy);
      for (const { pid, comm, uid, inContainer } of wakers) {
        const namespace = inContainer === true ? { pidNamespace: ContainerNamespace } : {};
        const task = simulation.world.createTask({ pid, comm, uid, parent, ...place, ...namespace });
        const own = turns.get(pid)!;
        const [first] = own;
        const queueNs = first!.runNs - first!.wokenNs;
        const startNs = simulation.startNs + first!.wokenNs;
        simulation.scheduler.startAt(startNs, task, live(simulation, task, own), queueNs);
      }
    });
  }
}

/** The scenario. */
export const runQueue: Scenario = {
  name: "run-queue",
  description: "Five seconds of four busy CPUs: tasks wake up, fork and are preempted, and wait for a CPU.",
  plan(seed) {
    const plan = new PlanBuilder(seed, DurationNs);
    addRunQueue(plan);
    return plan.build();
  },
};
