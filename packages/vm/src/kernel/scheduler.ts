/** Which task runs where and when. Tasks are generators that say how long they run, sleep or wait. */
import type { Cpu } from "./cpu.ts";
import type { Task, TaskState } from "./objects/task.ts";
import { TaskStateValue } from "./objects/task-structs.ts";
import { EventGroup } from "./probe-table.ts";
import type { SimulatedWorld } from "./simulated-world.ts";
import type { Tracer } from "./tracer.ts";

/** What a task does next, given to the scheduler by `yield`. */
export type Pause =
  /** Goes on running for this long. */
  | { readonly kind: "run"; readonly ns: number }
  /** Gives the CPU up for this long, then waits `queueNs` (0 by default) in the run queue until it gets one again. */
  | { readonly kind: "sleep"; readonly ns: number; readonly queueNs?: number }
  /** Gives the CPU up until `arm`'s argument is called; `blocked` is waiting that signals do not end (I/O). */
  | {
      readonly kind: "wait";
      readonly state: "sleeping" | "blocked";
      readonly arm: (wake: () => void) => void;
    };

/** The life of a task: runs until its first pause, then is resumed. Returning ends the task without an exit event. */
export type Activity<Result = void> = Generator<Pause, Result, void>;

const TimerInterrupt = [
  "asm_sysvec_apic_timer_interrupt",
  "sysvec_apic_timer_interrupt",
  "hrtimer_interrupt",
  "__hrtimer_run_queues",
  "hrtimer_wakeup",
] as const;

const WakeFunctions = ["try_to_wake_up", "ttwu_do_wakeup"];
const WakeTracepoints = ["sched/sched_waking", "sched/sched_wakeup"];
const SwitchFunctions = ["finish_task_switch.isra.0", "finish_task_switch"];

const DefaultPriority = 120;

/** What sched_switch reports for a task that was preempted, and for one that has exited. */
const PreemptedReport = 0x100;
const ZombieReport = 0x20;

/**
 * Puts tasks on CPUs. A task that wakes up takes over its CPU at once, unless it says how long it is to wait for it, or
 * an idle one if its own is busy: so what a scenario says about times holds exactly, whatever else runs.
 */
export class Scheduler {
  readonly #world: SimulatedWorld;
  readonly #tracer: Tracer;
  readonly #activities = new Map<Task, Activity>();
  readonly #wakeEvents: EventGroup;
  readonly #timerEvents: EventGroup;
  readonly #switchEvents: EventGroup;

  constructor(world: SimulatedWorld, tracer: Tracer) {
    this.#world = world;
    this.#tracer = tracer;
    const { probes } = world;
    this.#wakeEvents = new EventGroup(probes, WakeFunctions, WakeTracepoints);
    this.#timerEvents = new EventGroup(probes, [...TimerInterrupt, ...WakeFunctions], WakeTracepoints);
    this.#switchEvents = new EventGroup(probes, SwitchFunctions, ["sched/sched_switch"]);
  }

  /** Lets a sleeping task wake up at a time and begin its activity once it has waited `queueNs` for its CPU. */
  startAt(timeNs: number, task: Task, activity: Activity, queueNs = 0): void {
    this.#activities.set(task, activity);
    this.#world.queue.schedule(timeNs, () => {
      this.#wakeByTimer(task, queueNs);
    });
  }

  /**
   * A new task of fork: begins as soon as its parent's call lets it and it has waited `queueNs` for its CPU. Fires the
   * wake-up of new tasks now.
   */
  startNew(task: Task, activity: Activity, queueNs = 0): void {
    this.#activities.set(task, activity);
    const cpu = this.#chooseCpu(task);
    const arguments_ = () => [task.address];
    this.#tracer.call("wake_up_new_task", arguments_, () => {
      this.#tracer.tracepoint("sched/sched_wakeup_new", () => wakeRecord(task, cpu), arguments_);
      return 0;
    });
    this.#resumeSoon(task, cpu, queueNs);
  }

  /** Runs something at a time in the context of a kernel thread, which wakes up for it and sleeps again. */
  runInThread(timeNs: number, task: Task, body: () => void): void {
    this.#world.queue.schedule(timeNs, () => {
      const cpu = this.#chooseCpu(task);
      this.#fireWake(task, cpu);
      this.#makeRunnable(task, cpu);
      this.#switchTo(cpu, task);
      body();
      this.#block(task, "sleeping");
    });
  }

  /** Makes a sleeping task runnable; it goes on when the current event is over. */
  wake(task: Task): void {
    const cpu = this.#chooseCpu(task);
    this.#fireWake(task, cpu);
    this.#resumeSoon(task, cpu);
  }

  #wakeByTimer(task: Task, queueNs = 0): void {
    const cpu = this.#chooseCpu(task);
    if (this.#timerEvents.isWatched) {
      this.#tracer.interrupt(cpu, TimerInterrupt, () => {
        this.#fireWake(task, cpu);
      });
    }
    if (queueNs > 0) {
      this.#resumeSoon(task, cpu, queueNs);
      return;
    }
    this.#makeRunnable(task, cpu);
    this.#resume(task);
  }

  /** Fires the events of a wake-up in the current context. */
  #fireWake(task: Task, cpu: Cpu): void {
    if (!this.#wakeEvents.isWatched) return;
    const tracer = this.#tracer;
    const args = () => [task.address];
    tracer.enter("try_to_wake_up", () => [task.address, 3n, 0n]);
    tracer.tracepoint("sched/sched_waking", () => wakeRecord(task, cpu), args);
    tracer.call("ttwu_do_wakeup", args, () => {
      tracer.tracepoint("sched/sched_wakeup", () => wakeRecord(task, cpu), args);
      return 0;
    });
    tracer.leave(1n);
  }

  #makeRunnable(task: Task, cpu: Cpu): void {
    task.state = "runnable";
    task.cpu = cpu.index;
    task.structIfLaidOut?.set({ __state: 0, state: 0, "thread_info.cpu": cpu.index, cpu: cpu.index });
  }

  /** The task goes on at this very time, or after `queueNs`, but after the event that is happening. */
  #resumeSoon(task: Task, cpu: Cpu, queueNs = 0): void {
    const { queue, clock } = this.#world;
    this.#makeRunnable(task, cpu);
    queue.schedule(clock.nowNs + queueNs, () => {
      task.cpu = cpu.index;
      this.#resume(task);
    });
  }

  /** Its own CPU if that is idle or the only one it may use, else the first idle one, else its own. */
  #chooseCpu(task: Task): Cpu {
    const { cpus } = this.#world;
    const own = cpus[task.cpu] ?? cpus[0]!;
    if (task.pinned) return own;
    const isIdle = (cpu: Cpu) => cpu.current === cpu.idle;
    return isIdle(own) ? own : (cpus.find(isIdle) ?? own);
  }

  /** Lets the task run to its next pause. It is on its CPU or was running there before. */
  #resume(task: Task): void {
    const activity = this.#activities.get(task);
    if (activity === undefined) return;
    const { queue, clock } = this.#world;
    this.#switchTo(this.#world.cpus[task.cpu]!, task);
    if (task.inSchedule) {
      task.inSchedule = false;
      this.#tracer.leave();
    }
    const step = activity.next();
    if (step.done === true) {
      this.#activities.delete(task);
      if (task.isDead) this.#leaveCpu(task, "dead");
      else this.#block(task, "sleeping");
      return;
    }
    const pause = step.value;
    switch (pause.kind) {
      case "run":
        queue.schedule(clock.nowNs + pause.ns, () => {
          this.#resume(task);
        });
        break;
      case "sleep":
        this.#enterSchedule(task, "sleeping");
        queue.schedule(clock.nowNs + pause.ns, () => {
          this.#wakeByTimer(task, pause.queueNs);
        });
        break;
      case "wait":
        pause.arm(() => {
          this.wake(task);
        });
        this.#enterSchedule(task, pause.state);
        break;
    }
  }

  /** The task calls schedule() and is off its CPU until woken. */
  #enterSchedule(task: Task, state: TaskState): void {
    task.inSchedule = true;
    this.#tracer.enter("schedule");
    this.#block(task, state);
  }

  #block(task: Task, state: TaskState): void {
    task.state = state;
    task.structIfLaidOut?.set({ __state: TaskStateValue[state], state: TaskStateValue[state] });
    this.#leaveCpu(task, state);
  }

  #leaveCpu(task: Task, state: TaskState): void {
    const cpu = this.#world.cpus[task.cpu]!;
    const next = cpu.preempted.pop() ?? cpu.idle;
    if (cpu.current === task) this.#change(cpu, next, TaskStateValue[state]);
  }

  /** Makes `task` the current one of a CPU; whoever runs there is preempted. */
  #switchTo(cpu: Cpu, task: Task): void {
    const { current } = cpu;
    if (current === task) {
      this.#world.enterCpu(cpu);
      return;
    }
    if (current !== cpu.idle) {
      current.state = "runnable";
      cpu.preempted.push(current);
    }
    const waiting = cpu.preempted.indexOf(task);
    if (waiting >= 0) cpu.preempted.splice(waiting, 1);
    this.#change(cpu, task, 0);
  }

  #change(cpu: Cpu, next: Task, previousState: number): void {
    const world = this.#world;
    const previous = cpu.current;
    world.enterCpu(cpu);
    const { isWatched } = this.#switchEvents;
    if (isWatched) this.#fireSwitch(cpu, previous, next, previousState);
    cpu.current = next;
    next.state = "running";
    world.enterCpu(cpu);
    previous.structIfLaidOut?.set({ on_cpu: 0 });
    next.structIfLaidOut?.set({ on_cpu: 1 });
    if (!isWatched) return;
    this.#tracer.call("finish_task_switch.isra.0", () => [previous.address]);
    this.#tracer.call("finish_task_switch", () => [previous.address]);
  }

  #fireSwitch(cpu: Cpu, previous: Task, next: Task, previousState: number): void {
    const isPreempted = previousState === 0 && previous !== cpu.idle;
    this.#tracer.tracepoint(
      "sched/sched_switch",
      () => ({
        prev_comm: previous.comm,
        prev_pid: previous.pid,
        prev_prio: DefaultPriority,
        prev_state: isPreempted
          ? PreemptedReport
          : previousState === TaskStateValue.dead
            ? ZombieReport
            : previousState,
        next_comm: next.comm,
        next_pid: next.pid,
        next_prio: DefaultPriority,
      }),
      () => [isPreempted ? 1n : 0n, previous.address, next.address, BigInt(previousState)],
    );
  }
}

function wakeRecord(task: Task, cpu: Cpu): Record<string, number | Uint8Array> {
  return { comm: task.comm, pid: task.pid, prio: DefaultPriority, success: 1, target_cpu: cpu.index };
}
