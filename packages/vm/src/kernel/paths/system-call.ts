/** The way into and out of the kernel on x86-64: entry, tracepoints of system calls, the `__x64_sys_*` wrapper. */

import type { Task } from "../objects/task.ts";
import { KernelStackSize } from "../objects/task-structs.ts";
import { UserStackPointer } from "../objects/user-image.ts";
import { once } from "../once.ts";
import { PtRegsSize, SyscallArguments, writePtRegs } from "../pt-regs.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import { type SystemCallName, SystemCallNumber } from "../system-call-numbers.ts";
import type { RecordValues } from "../tracepoints.ts";
import type { Arguments } from "../tracer.ts";

const ReturnsENOSYS = -38n;

/** Writes the user registers where the kernel saves them, at the top of the task's stack; returns their address. */
function saveUserRegisters(
  simulation: Simulation,
  task: Task,
  name: SystemCallName,
  values: readonly bigint[],
): bigint {
  const { memory } = simulation.world;
  const { address } = task;
  if (address === 0n) return 0n;
  const registers = task.kernelStack + BigInt(KernelStackSize - PtRegsSize);
  const number = BigInt(SystemCallNumber[name]);
  const others = {
    origAx: number,
    ax: ReturnsENOSYS,
    ip: simulation.world.userPrograms.library.addressIn(name),
    sp: UserStackPointer,
  };
  writePtRegs(memory, memory.offsetOf(registers), "user", others, SyscallArguments, values);
  return registers;
}

/** Field values of `syscalls/sys_enter_NAME`: its fields after the number are the arguments in order. */
function enterRecord(simulation: Simulation, name: SystemCallName, values: readonly bigint[]): RecordValues {
  const format = simulation.world.tracepoints.format(`syscalls/sys_enter_${name}`);
  const record: Record<string, bigint | number> = {};
  format?.fields.forEach((field, index) => {
    record[field.name] = index === 0 ? SystemCallNumber[name] : (values[index - 1] ?? 0n);
  });
  return record;
}

/** The exit side: tracepoints with the result. */
export function systemCallReturns(
  simulation: Simulation,
  name: SystemCallName,
  registers: Arguments,
  result: bigint,
): void {
  const { tracer } = simulation;
  const number = SystemCallNumber[name];
  tracer.tracepoint(
    "raw_syscalls/sys_exit",
    () => ({ id: number, ret: result }),
    () => [...registers(), result],
  );
  tracer.tracepoint(`syscalls/sys_exit_${name}`, () => ({ __syscall_nr: number, ret: result }));
}

/**
 * The current task enters the kernel: everything up to the first line of the system call's function. `args` are asked at
 * most once and only if a probe wants them.
 */
export function enterSystemCall(
  simulation: Simulation,
  task: Task,
  name: SystemCallName,
  args: Arguments,
): Arguments {
  const { tracer } = simulation;
  const number = SystemCallNumber[name];
  const values = once(args);
  const saved = once(() => [saveUserRegisters(simulation, task, name, values())]);
  task.systemCall = { name, registers: saved };
  tracer.enter("entry_SYSCALL_64_after_hwframe");
  tracer.enter("do_syscall_64");
  tracer.tracepoint(
    "raw_syscalls/sys_enter",
    () => ({ id: number, args: [...values(), 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6) }),
    () => [...saved(), BigInt(number)],
  );
  tracer.tracepoint(`syscalls/sys_enter_${name}`, () => enterRecord(simulation, name, values()));
  tracer.enter(`__x64_sys_${name}`, saved);
  return saved;
}

/** Makes the current task do a system call. `args` are as user space passes them; the result is `body`'s. */
export function* systemCall(
  simulation: Simulation,
  task: Task,
  name: SystemCallName,
  args: Arguments,
  body: () => Activity<bigint>,
): Activity<bigint> {
  const { tracer } = simulation;
  const registers = enterSystemCall(simulation, task, name, args);
  const result = yield* body();
  tracer.leave(result);
  systemCallReturns(simulation, name, registers, result);
  tracer.leave(result);
  tracer.leave(result);
  task.systemCall = undefined;
  return result;
}
