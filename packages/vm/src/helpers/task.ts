/** Helpers about the current task and the attachment. */

import type { World } from "../world.ts";
import { type HelperDefinition, mustWrite } from "./definition.ts";

/** TASK_COMM_LEN. */
const COMM_BYTES = 16;

/** bpf_get_current_pid_tgid(): tgid << 32 | pid. */
export const getCurrentPidTgid: HelperDefinition = {
  name: "get_current_pid_tgid",
  arguments: [],
  result: "wide",
  bind: (machine) => () => {
    const task = machine.world.currentTask();
    machine.setWideResult(task.pid, task.tgid);
    return 0;
  },
};

/** bpf_get_current_uid_gid(): gid << 32 | uid. */
export const getCurrentUidGid: HelperDefinition = {
  name: "get_current_uid_gid",
  arguments: [],
  result: "wide",
  bind: (machine) => () => {
    const task = machine.world.currentTask();
    machine.setWideResult(task.uid, task.gid);
    return 0;
  },
};

/** bpf_get_current_comm(buf, size): the name, cut to size - 1 bytes and zero-padded. */
export const getCurrentComm: HelperDefinition = {
  name: "get_current_comm",
  arguments: ["memory", "int"],
  result: "int",
  bind: (machine) => (buffer, size) => {
    const [to, room] = [buffer as number, size as number];
    if (room === 0) machine.faultInHelper("R2 invalid zero-sized read");
    mustWrite(machine, to, room, 1);
    const { comm } = machine.world.currentTask();
    const { u8 } = machine.memory;
    u8.fill(0, to, to + room);
    let length = 0;
    while (length < COMM_BYTES - 1 && length < room - 1 && (comm[length] ?? 0) !== 0) {
      u8[to + length] = comm[length] as number;
      length++;
    }
    return 0;
  },
};

/** A helper without arguments that returns an address or id. */
function identity(name: string, gplOnly: boolean, value: (world: World) => bigint): HelperDefinition {
  return {
    name,
    arguments: [],
    result: "wide",
    gplOnly,
    bind: (machine) => () => {
      machine.setWideBigint(value(machine.world));
      return 0;
    },
  };
}

/** bpf_get_current_task(): address of the task_struct. */
export const getCurrentTask = identity("get_current_task", true, (world) => world.currentTask().address);
/** bpf_get_current_task_btf(): the same, as a pointer that can be loaded from directly. */
export const getCurrentTaskBtf = identity(
  "get_current_task_btf",
  true,
  (world) => world.currentTask().address,
);
/** bpf_get_current_cgroup_id(). */
export const getCurrentCgroupId = identity(
  "get_current_cgroup_id",
  false,
  (world) => world.currentTask().cgroupId,
);
/** bpf_get_func_ip(ctx): address of the traced function. */
export const getFuncIp = identity("get_func_ip", true, (world) => world.attachment().functionAddress);
/** bpf_get_attach_cookie(ctx). */
export const getAttachCookie = identity("get_attach_cookie", false, (world) => world.attachment().cookie);
