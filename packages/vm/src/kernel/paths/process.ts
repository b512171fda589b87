/** Lives of processes: clone(2), execve(2), exit_group(2), wait4(2). */

import type { KernelObject } from "../objects/kernel-object.ts";
import type { Task, TaskDescription } from "../objects/task.ts";
import { UserImage } from "../objects/user-image.ts";
import { once } from "../once.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import { enterSystemCall, systemCall, systemCallReturns } from "./system-call.ts";

/** CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD: what fork() of the C library asks for. */
const ForkFlags = 0x0120_0011n;
const DefaultPriority = 120;
const ForkNs = 48_000;
const ExitNs = 35_000;
/** Time until a reaped process's struct is freed, ns. */
const GraceNs = 2_000_000;

/** One execve(2). */
export interface ExecRequest {
  readonly path: string;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  /** Positive errno it ends with; 0 for success. */
  readonly errno: number;
  /** Time in the kernel, ns. */
  readonly durationNs: number;
}

/**
 * Forks: the child has the parent's name and begins with `activity`. The result is the child's process id.
 * @param description the child's id, and how long it waits for its first CPU; name, user and parent are inherited
 */
export function fork(
  simulation: Simulation,
  parent: Task,
  description: Pick<TaskDescription, "pid"> & { readonly queueNs?: number },
  activity: (child: Task) => Activity,
): Activity<bigint> {
  const { tracer, world, scheduler } = simulation;
  const args = () => [ForkFlags, 0n, 0n, 0x7f3c_8a9d_0a10n, 0n];
  return systemCall(simulation, parent, "clone", args, function* () {
    const cloneArguments = once(() =>
      world.objects.create("kernel_clone_args").set({ flags: ForkFlags & ~0xffn, exit_signal: 17 }),
    );
    tracer.enter("kernel_clone", () => [cloneArguments().address]);
    tracer.enter("copy_process", () => [0n, 0n, 0n, cloneArguments().address]);
    yield { kind: "run", ns: ForkNs };
    const { uid, gid, name, cpu, program, pinned } = parent;
    const child = world.createTask({
      pid: description.pid,
      comm: name,
      uid,
      gid,
      parent,
      cpu,
      program,
      pinned,
    });
    tracer.tracepoint(
      "task/task_newtask",
      () => ({ pid: child.pid, comm: child.comm, clone_flags: ForkFlags & ~0xffn, oom_score_adj: 0 }),
      () => [child.address, ForkFlags & ~0xffn],
    );
    tracer.leave();
    tracer.tracepoint(
      "sched/sched_process_fork",
      () => ({
        parent_comm: parent.comm,
        parent_pid: parent.pid,
        child_comm: child.comm,
        child_pid: child.pid,
      }),
      () => [parent.address, child.address],
    );
    const call = parent.systemCall;
    const life = childLife(simulation, child, call?.registers ?? (() => []), activity);
    scheduler.startNew(child, life, description.queueNs);
    const pid = BigInt(child.pid);
    tracer.leave(pid);
    return pid;
  });
}

/** A child returns from clone with 0, then lives. */
function* childLife(
  simulation: Simulation,
  child: Task,
  registers: () => readonly bigint[],
  activity: (child: Task) => Activity,
): Activity {
  const { tracer } = simulation;
  tracer.enter("ret_from_fork");
  tracer.call("schedule_tail");
  systemCallReturns(simulation, "clone", registers, 0n);
  tracer.leave();
  yield* activity(child);
}

/** Executes a program in place of the current one. The result is 0 or -errno. */
export function execute(simulation: Simulation, task: Task, request: ExecRequest): Activity<bigint> {
  const path = once(() => task.image?.string(request.path) ?? 0n);
  const args = () => [
    path(),
    task.image?.strings(request.argv) ?? 0n,
    task.image?.strings(request.environment) ?? 0n,
  ];
  return systemCall(simulation, task, "execve", args, () => executeInKernel(simulation, task, request, path));
}

function* executeInKernel(
  simulation: Simulation,
  task: Task,
  request: ExecRequest,
  path: () => bigint,
): Activity<bigint> {
  const { tracer, world } = simulation;
  const temporary: KernelObject[] = [];
  const name = once(() => world.objects.string(request.path));
  const filename = once(() => {
    const object = world.objects.create("filename").set({ name: name(), uptr: path(), refcnt: 1 });
    temporary.push(object);
    return object.address;
  });
  const binary = once(() => {
    const object = world.objects.create("linux_binprm").set({
      filename: name(),
      interp: name(),
      argc: request.argv.length,
      envc: request.environment.length,
    });
    temporary.push(object);
    return object;
  });
  tracer.call("getname", () => [path()]);
  tracer.enter("do_execveat_common.isra.0", () => [BigInt.asUintN(64, -100n), filename()]);
  tracer.call("alloc_bprm", () => [BigInt.asUintN(64, -100n), filename()]);
  tracer.enter("bprm_execve", () => [binary().address, BigInt.asUintN(64, -100n), filename(), 0n]);
  yield { kind: "run", ns: request.durationNs };
  if (request.errno === 0) replaceProgram(simulation, task, request, binary);
  const result = BigInt(-request.errno);
  tracer.leave(result);
  tracer.leave(result);
  for (const object of temporary) object.release();
  return result;
}

function replaceProgram(
  simulation: Simulation,
  task: Task,
  request: ExecRequest,
  binary: () => KernelObject,
): void {
  const { tracer, world } = simulation;
  const file = once(() => world.files.openFile(world.files.add(request.path, { mode: 0o100755 }), 0));
  const withFile = once(() => binary().set({ file: file().address, executable: file().address }).address);
  tracer.call("security_bprm_check", () => [withFile()]);
  const comm = request.path.slice(request.path.lastIndexOf("/") + 1);
  tracer.call(
    "load_elf_binary",
    () => [withFile()],
    () => {
      tracer.call(
        "begin_new_exec",
        () => [withFile()],
        () => {
          tracer.tracepoint(
            "task/task_rename",
            () => ({ pid: task.pid, oldcomm: task.comm, newcomm: comm, oom_score_adj: 0 }),
            () => [task.address, world.objects.string(comm)],
          );
          task.comm = comm;
          task.program = comm;
          return 0;
        },
      );
      return 0;
    },
  );
  task.replaceImage(new UserImage(world.memory), request.argv, request.environment);
  world.enterCpu(world.cpu);
  tracer.tracepoint(
    "sched/sched_process_exec",
    () => ({ filename: request.path, pid: task.pid, old_pid: task.pid }),
    () => [task.address, BigInt(task.pid), withFile()],
  );
  tracer.call("proc_exec_connector", () => [task.address]);
}

/** Ends the process; its activity must return right after this. `status` is 0 to 255. */
export function* exitProcess(simulation: Simulation, task: Task, status: number): Activity {
  const { tracer, world } = simulation;
  const code = status << 8;
  enterSystemCall(simulation, task, "exit_group", () => [BigInt(status)]);
  tracer.enter("do_group_exit", () => [BigInt(code)]);
  tracer.enter("do_exit", () => [BigInt(code)]);
  task.beginExit(code);
  tracer.call("acct_process");
  tracer.tracepoint(
    "sched/sched_process_exit",
    () => ({ comm: task.comm, pid: task.pid, prio: DefaultPriority }),
    () => [task.address],
  );
  yield { kind: "run", ns: ExitNs };
  for (const file of task.files.values()) file.struct?.release();
  task.files.clear();
  task.releaseUserMemory();
  task.state = "dead";
  world.enterCpu(world.cpu);
  world.tasks.delete(task.pid);
  for (const listener of task.exitListeners) listener();
  const cpu = world.cpu;
  world.queue.schedule(world.clock.nowNs + GraceNs, () => {
    tracer.interrupt(cpu, ["asm_sysvec_apic_timer_interrupt", "rcu_core", "delayed_put_task_struct"], () => {
      tracer.tracepoint(
        "sched/sched_process_free",
        () => ({ comm: task.comm, pid: task.pid, prio: DefaultPriority }),
        () => [task.address],
      );
    });
  });
}

/** Waits until a child has exited. The result is its process id. */
export function waitForChild(simulation: Simulation, task: Task, childPid: number): Activity<bigint> {
  const { tracer, world } = simulation;
  return systemCall(
    simulation,
    task,
    "wait4",
    () => [BigInt(childPid), 0n, 0n, 0n],
    function* () {
      tracer.enter("do_wait");
      const child = world.task(childPid);
      if (child !== undefined) {
        yield {
          kind: "wait",
          state: "sleeping",
          arm: (wake) => {
            child.exitListeners.push(wake);
          },
        };
      }
      tracer.call("release_task", () => [child?.address ?? 0n]);
      tracer.leave(BigInt(childPid));
      return BigInt(childPid);
    },
  );
}
