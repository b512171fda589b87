/** The parts of a running simulation, as kernel paths and scenarios use them. */
import type { Task, TaskDescription } from "./objects/task.ts";
import { type Activity, Scheduler } from "./scheduler.ts";
import { SimulatedWorld, type WorldOptions } from "./simulated-world.ts";
import { Tracer } from "./tracer.ts";

/** One simulated machine with its scheduler and its events. */
export class Simulation {
  readonly world: SimulatedWorld;
  readonly tracer: Tracer;
  readonly scheduler: Scheduler;
  /** CLOCK_MONOTONIC ns at which the scenario begins. */
  readonly startNs: number;
  readonly #workers = new Map<number, Task>();

  constructor(options: WorldOptions) {
    this.world = new SimulatedWorld(options);
    this.tracer = new Tracer(this.world);
    this.scheduler = new Scheduler(this.world, this.tracer);
    this.startNs = this.world.clock.nowNs;
  }

  /** Time since the scenario began, ns. */
  get elapsedNs(): number {
    return this.world.clock.nowNs - this.startNs;
  }

  /** A task that begins its activity at a time since the scenario's start. */
  spawn(description: TaskDescription, atNs: number, activity: (task: Task) => Activity): Task {
    const task = this.world.createTask(description);
    this.scheduler.startAt(this.startNs + atNs, task, activity(task));
    return task;
  }

  /** The kernel's worker thread of a CPU, for work that is not done by the task that caused it. */
  worker(cpu: number): Task {
    let worker = this.#workers.get(cpu);
    if (worker === undefined) {
      const pid = 20 + 6 * cpu;
      worker = this.world.createTask({ pid, comm: `kworker/${cpu}:1H`, kernelThread: true, cpu });
      for (const name of ["ret_from_fork", "kthread", "worker_thread", "process_one_work"]) {
        worker.frames.push({ name, args: () => [], returnProbed: false });
      }
      this.#workers.set(cpu, worker);
    }
    return worker;
  }

  /** Sleeps until a time since the scenario's start; a time in the past does not sleep. */
  *sleepUntil(timeNs: number): Activity {
    const left = timeNs - this.elapsedNs;
    if (left > 0) yield { kind: "sleep", ns: left };
  }

  /** Runs until a time since the scenario's start. */
  *runUntil(timeNs: number): Activity {
    const left = timeNs - this.elapsedNs;
    if (left > 0) yield { kind: "run", ns: left };
  }
}
