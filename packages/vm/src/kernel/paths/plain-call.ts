/** System calls of which only the outside matters: entered, some time in the kernel, a result. */
import type { Task } from "../objects/task.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import type { SystemCallName } from "../system-call-numbers.ts";
import { systemCall } from "./system-call.ts";

/** One call. */
export interface PlainCall {
  readonly call: SystemCallName;
  readonly args: readonly bigint[];
  /** What it returns, -errno included. */
  readonly result: number;
  readonly durationNs: number;
  /** It gives the CPU up meanwhile, as calls that wait do. */
  readonly sleeps: boolean;
}

/** The function below `__x64_sys_*` where a call spends its time, by call; others have none. */
const InnerFunctions: Readonly<Partial<Record<SystemCallName, string>>> = {
  read: "ksys_read",
  write: "ksys_write",
  mmap: "vm_mmap_pgoff",
  sendto: "__sys_sendto",
  recvfrom: "__sys_recvfrom",
  futex: "do_futex",
  getdents64: "iterate_dir",
  epoll_wait: "do_epoll_wait",
  newfstatat: "vfs_fstatat",
  accept4: "__sys_accept4",
};

/** Makes the current task do it. */
export function plainCall(simulation: Simulation, task: Task, call: PlainCall): Activity<bigint> {
  return systemCall(
    simulation,
    task,
    call.call,
    () => call.args.map((value) => BigInt.asUintN(64, value)),
    function* () {
      const inner = InnerFunctions[call.call];
      if (inner !== undefined) simulation.tracer.enter(inner);
      yield { kind: call.sleeps ? "sleep" : "run", ns: call.durationNs };
      const result = BigInt(call.result);
      if (inner !== undefined) simulation.tracer.leave(result);
      return result;
    },
  );
}
