/** Lays tasks out as the kernel does: task_struct, cred, mm_struct, pid, nsproxy and what hangs on them. */
import type { FieldValue, KernelObject, KernelObjects } from "./kernel-object.ts";
import { ExitingFlag, type Task } from "./task.ts";
import { ArgumentArea } from "./user-image.ts";

/** Inode numbers of the initial namespaces (kernel include/linux/proc_ns.h); the others are what a first boot gives. */
const NamespaceInode = {
  ipc: 0xefff_ffff,
  uts: 0xefff_fffe,
  user: 0xefff_fffd,
  pid: 0xefff_fffc,
  cgroup: 0xefff_fffb,
  time: 0xefff_fffa,
  mnt: 0xf000_0000,
  net: 0xf000_0098,
} as const;

const KernelThreadFlag = 0x0020_0000;
/** PIDTYPE_PID, TGID, PGID and SID. */
const PidTypes = 4;
/** Default nice level's priority. */
const NormalPriority = 120;
/** THREAD_SIZE of x86-64. */
export const KernelStackSize = 16_384;
const CgroupId = 1;
/** `sizeof(struct upid)`. */
const UpidSize = 16;

/** Values of `task_struct.__state`. */
export const TaskStateValue = { running: 0, runnable: 0, sleeping: 1, blocked: 2, dead: 0x80 } as const;

/** The one set of namespaces that all tasks share. */
interface Namespaces {
  readonly nsproxy: bigint;
  readonly user: bigint;
  readonly pid: bigint;
}

/** Makes `task_struct` and its neighbours. Shared objects are made once, with the first task. */
export class TaskStructs {
  readonly #objects: KernelObjects;
  readonly #hostName: string;
  readonly #release: string;
  /** The mount namespace is given by the file system's side, which has its own pointers to it. */
  readonly #mountNamespace: KernelObject;
  #namespaces: Namespaces | undefined;
  #proxyFields: Readonly<Record<string, bigint>> = {};
  readonly #containers = new Map<number, Namespaces>();
  #cgroups: bigint | undefined;

  constructor(objects: KernelObjects, names: { readonly hostName: string; readonly release: string }) {
    this.#objects = objects;
    this.#hostName = names.hostName;
    this.#release = names.release;
    this.#mountNamespace = objects.create("mnt_namespace");
    this.#mountNamespace.set({ "ns.inum": NamespaceInode.mnt });
  }

  get mountNamespace(): bigint {
    return this.#mountNamespace.address;
  }

  /** Address of the `struct net` that all tasks share. */
  get networkNamespace(): bigint {
    this.#sharedNamespaces();
    return this.#proxyFields["net_ns"] ?? 0n;
  }

  /** Makes the struct of one task; its ancestors are laid out on the way. */
  layOut(task: Task): KernelObject {
    const struct = this.#objects.create("task_struct");
    const parent = task.parent === task ? struct : task.parent.struct;
    const credentials = this.#credentials(task.uid, task.gid);
    const pid = this.#pid(task);
    task.kernelStack = this.#objects.memory.allocate(KernelStackSize, 4096, "kernel");
    const memory = task.kernelThread ? 0n : this.layOutMemory(task, struct);
    struct.set({
      pid: task.pid,
      tgid: task.tgid,
      comm: task.comm,
      real_parent: parent.address,
      parent: parent.address,
      group_leader: struct.address,
      cred: credentials,
      real_cred: credentials,
      mm: memory,
      active_mm: memory,
      nsproxy: this.#namespacesOf(task).nsproxy,
      thread_pid: pid,
      signal: this.#signal(pid),
      cgroups: this.#cgroupSet(),
      start_time: task.startNs,
      start_boottime: task.startNs,
      flags: (task.kernelThread ? KernelThreadFlag : 0) | (task.exiting ? ExitingFlag : 0),
      exit_code: task.exitCode,
      prio: NormalPriority,
      static_prio: NormalPriority,
      normal_prio: NormalPriority,
      "se.load.weight": 1024,
      on_cpu: task.state === "running" ? 1 : 0,
      "thread_info.cpu": task.cpu,
      cpu: task.cpu,
      recent_used_cpu: task.cpu,
      nr_cpus_allowed: 1,
      stack: task.kernelStack,
      "usage.refs.counter": 2,
      __state: TaskStateValue[task.state],
      state: TaskStateValue[task.state],
      exit_signal: 17,
    });
    return struct;
  }

  #credentials(uid: number, gid: number): bigint {
    const ids: Record<string, FieldValue> = { usage: 2, user_ns: this.#sharedNamespaces().user };
    for (const name of ["uid", "euid", "suid", "fsuid"]) ids[`${name}.val`] = uid;
    for (const name of ["gid", "egid", "sgid", "fsgid"]) ids[`${name}.val`] = gid;
    if (uid === 0) {
      const all = (1n << 41n) - 1n;
      for (const set of ["cap_permitted", "cap_effective", "cap_bset"]) {
        ids[`${set}.cap[0]`] = all & 0xffff_ffffn;
        ids[`${set}.cap[1]`] = all >> 32n;
        ids[`${set}.val`] = all;
      }
    }
    return this.#objects.create("cred").set(ids).address;
  }

  #pid(task: Task): bigint {
    const pid = this.#objects.create("pid", 2 * UpidSize).set({
      "count.refs.counter": 1,
      level: 0,
      "numbers[0].nr": task.pid,
      "numbers[0].ns": this.#sharedNamespaces().pid,
    });
    if (task.pidNamespace !== undefined) {
      // The second element is behind what BTF knows: an array of one, or of none, by version.
      const { memory } = this.#objects;
      const second = memory.offsetOf(pid.addressOf("numbers[0]")) + UpidSize;
      memory.view.setUint32(second, task.pid % 1000, true);
      memory.view.setBigUint64(second + 8, this.#namespacesOf(task).pid, true);
      pid.set({ level: 1 });
    }
    return pid.address;
  }

  #signal(pid: bigint): bigint {
    const fields: Record<string, FieldValue> = { "live.counter": 1, nr_threads: 1 };
    for (let type = 0; type < PidTypes; type++) fields[`pids[${type}]`] = pid;
    return this.#objects.create("signal_struct").set(fields).address;
  }

  /** A new `mm_struct`: with the first look at a task, and when it executes a program. */
  layOutMemory(task: Task, owner: KernelObject): bigint {
    const { argumentStart, environmentStart, stackTop } = ArgumentArea;
    return this.#objects.create("mm_struct").set({
      "mm_users.counter": 1,
      "mm_count.counter": 1,
      owner: owner.address,
      start_stack: stackTop,
      arg_start: argumentStart,
      arg_end: argumentStart + BigInt(task.image?.argumentBytes ?? 0),
      env_start: environmentStart,
      env_end: environmentStart + BigInt(task.image?.environmentBytes ?? 0),
      task_size: (1n << 47n) - 4096n,
    }).address;
  }

  #cgroupSet(): bigint {
    if (this.#cgroups === undefined) {
      const node = this.#objects.create("kernfs_node").set({ id: CgroupId, name: this.#objects.string("") });
      const cgroup = this.#objects.create("cgroup").set({ kn: node.address });
      this.#cgroups = this.#objects.create("css_set").set({ dfl_cgrp: cgroup.address }).address;
    }
    return this.#cgroups;
  }

  /** Of a task in a container: a pid namespace of its own, everything else shared. */
  #namespacesOf(task: Task): Namespaces {
    const shared = this.#sharedNamespaces();
    const inode = task.pidNamespace;
    if (inode === undefined) return shared;
    let own = this.#containers.get(inode);
    if (own === undefined) {
      const pid = this.#objects.create("pid_namespace").set({
        "ns.inum": inode,
        "ns.count.refs.counter": 1,
        level: 1,
        parent: shared.pid,
        user_ns: shared.user,
      }).address;
      const proxy = this.#objects.create("nsproxy").set({ ...this.#proxyFields, pid_ns_for_children: pid });
      own = { nsproxy: proxy.address, user: shared.user, pid };
      this.#containers.set(inode, own);
    }
    return own;
  }

  #sharedNamespaces(): Namespaces {
    if (this.#namespaces !== undefined) return this.#namespaces;
    const make = (struct: string, inode: number) =>
      this.#objects.create(struct).set({ "ns.inum": inode, "ns.count.refs.counter": 1 });
    const user = make("user_namespace", NamespaceInode.user).address;
    const pid = make("pid_namespace", NamespaceInode.pid).set({ level: 0, user_ns: user }).address;
    const uts = make("uts_namespace", NamespaceInode.uts).set({
      "name.sysname": "Linux",
      "name.nodename": this.#hostName,
      "name.release": this.#release,
      "name.machine": "x86_64",
      user_ns: user,
    });
    this.#proxyFields = {
      uts_ns: uts.address,
      ipc_ns: make("ipc_namespace", NamespaceInode.ipc).address,
      mnt_ns: this.#mountNamespace.address,
      pid_ns_for_children: pid,
      net_ns: make("net", NamespaceInode.net).address,
      time_ns: make("time_namespace", NamespaceInode.time).address,
      cgroup_ns: make("cgroup_namespace", NamespaceInode.cgroup).address,
    };
    const proxy = this.#objects.create("nsproxy").set(this.#proxyFields);
    this.#namespaces = { nsproxy: proxy.address, user, pid };
    return this.#namespaces;
  }
}
