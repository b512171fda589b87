/** Scenario file-open: services and tools open files by all four system calls; some are missing or forbidden. */
import type { Task } from "../objects/task.ts";
import { type FileTransfer, transfer } from "../paths/file-io.ts";
import { closeFile, type OpenCallName, openFile } from "../paths/open.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import type { OpenCall } from "./ground-truth.ts";
import { FixedPid, fixedTask, UserId } from "./machine.ts";
import { PlanBuilder } from "./plan-builder.ts";
import type { Scenario } from "./scenario.ts";

const Flag = {
  readOnly: 0,
  writeOnly: 1,
  readWrite: 2,
  create: 0o100,
  truncate: 0o1000,
  append: 0o2000,
  nonBlocking: 0o4000,
  directory: 0o200000,
  closeOnExec: 0o2000000,
} as const;

/** O_ACCMODE. */
const AccessMode = 3;

const Errno = { ENOENT: 2, EACCES: 13 } as const;
const DurationNs = 5_000_000_000;

/** A file as one process opens it. */
interface OpenKind {
  readonly call: OpenCallName;
  readonly path: string;
  readonly flags: number;
  readonly mode?: number;
  readonly errno?: number;
}

/** A process that opens files. */
interface Opener {
  readonly name: keyof typeof FixedPid | "git" | "runc" | "touch";
  readonly uid: number;
  readonly count: number;
  /** Descriptors it keeps open at most. */
  readonly keeps: number;
  readonly kinds: readonly OpenKind[];
}

/** One drawn call with what the process does around it. */
interface PlannedOpen {
  readonly timeNs: number;
  readonly kind: OpenKind;
  readonly durationNs: number;
  /** What it reads or writes next, if the file could be opened and is no directory. */
  readonly transfer: { readonly timeNs: number; readonly request: FileTransfer } | undefined;
  /** Descriptor to close right after, to stay within what the process keeps. */
  readonly closes: number | undefined;
}

const Openers: readonly Opener[] = [
  {
    name: "nginx",
    uid: UserId.wwwData,
    count: 401,
    keeps: 3,
    kinds: [
      { call: "openat", path: "/var/www/html/index.html", flags: Flag.readOnly | Flag.nonBlocking },
      { call: "openat", path: "/var/www/html/style.css", flags: Flag.readOnly | Flag.nonBlocking },
      {
        call: "openat",
        path: "/var/www/html/favicon.ico",
        flags: Flag.readOnly | Flag.nonBlocking,
        errno: Errno.ENOENT,
      },
      {
        call: "openat",
        path: "/var/log/nginx/access.log",
        flags: Flag.writeOnly | Flag.append | Flag.create,
        mode: 0o644,
      },
      { call: "openat", path: "/var/www/private/key.pem", flags: Flag.readOnly, errno: Errno.EACCES },
    ],
  },
  {
    name: "postgres",
    uid: UserId.postgres,
    count: 199,
    keeps: 7,
    kinds: [
      { call: "openat", path: "base/16384/2619", flags: Flag.readWrite | Flag.closeOnExec },
      {
        call: "openat",
        path: "base/16384/2619_vm",
        flags: Flag.readWrite | Flag.closeOnExec,
        errno: Errno.ENOENT,
      },
      { call: "openat", path: "pg_wal/000000010000000000000001", flags: Flag.readWrite | Flag.closeOnExec },
    ],
  },
  {
    name: "journald",
    uid: UserId.root,
    count: 97,
    keeps: 0,
    kinds: [
      { call: "openat", path: "/proc/1893/comm", flags: Flag.readOnly | Flag.closeOnExec },
      { call: "openat", path: "/proc/1893/cgroup", flags: Flag.readOnly | Flag.closeOnExec },
      {
        call: "openat",
        path: "/run/systemd/units/log-extra-fields:cron.service",
        flags: Flag.readOnly | Flag.closeOnExec,
        errno: Errno.ENOENT,
      },
    ],
  },
  {
    name: "snmpd",
    uid: UserId.snmp,
    count: 61,
    keeps: 0,
    kinds: [
      { call: "open", path: "/proc/net/dev", flags: Flag.readOnly },
      { call: "open", path: "/proc/diskstats", flags: Flag.readOnly },
      { call: "open", path: "/proc/kcore", flags: Flag.readOnly, errno: Errno.EACCES },
    ],
  },
  {
    name: "git",
    uid: UserId.user,
    count: 149,
    keeps: 1,
    kinds: [
      { call: "openat", path: ".git/config", flags: Flag.readOnly | Flag.closeOnExec },
      { call: "openat", path: ".git/info/exclude", flags: Flag.readOnly, errno: Errno.ENOENT },
      {
        call: "openat",
        path: "src",
        flags: Flag.readOnly | Flag.nonBlocking | Flag.directory | Flag.closeOnExec,
      },
    ],
  },
  {
    name: "runc",
    uid: UserId.root,
    count: 31,
    keeps: 0,
    kinds: [
      {
        call: "openat2",
        path: "/sys/fs/cgroup/system.slice/pids.max",
        flags: Flag.writeOnly | Flag.closeOnExec,
      },
      {
        call: "openat2",
        path: "/sys/fs/cgroup/system.slice/cpu.idle",
        flags: Flag.readOnly | Flag.closeOnExec,
        errno: Errno.ENOENT,
      },
    ],
  },
  {
    name: "touch",
    uid: UserId.user,
    count: 17,
    keeps: 0,
    kinds: [
      { call: "creat", path: "/tmp/stamp", flags: Flag.writeOnly | Flag.create | Flag.truncate, mode: 0o644 },
      {
        call: "creat",
        path: "/etc/stamp",
        flags: Flag.writeOnly | Flag.create | Flag.truncate,
        mode: 0o644,
        errno: Errno.EACCES,
      },
    ],
  },
];

/** Draws the calls of one process and states them. */
function planOpens(plan: PlanBuilder, opener: Opener, pid: number, comm: string): PlannedOpen[] {
  const { random, truth } = plan;
  const slotNs = Math.floor((plan.durationNs - 200_000_000) / opener.count);
  const held: number[] = [];
  return Array.from({ length: opener.count }, (_, index) => {
    const kind = random.pick(opener.kinds);
    const timeNs = 60_000_000 + index * slotNs + random.between(0, Math.floor(slotNs / 3));
    const errno = kind.errno ?? 0;
    let fd = 3;
    while (held.includes(fd)) fd++;
    if (errno === 0) held.push(fd);
    const closes = held.length > opener.keeps ? held.shift() : undefined;
    const flags = kind.call === "creat" ? 0 : kind.flags;
    const call: OpenCall = {
      timeNs,
      pid,
      uid: opener.uid,
      comm,
      call: kind.call,
      path: kind.path,
      flags,
      mode: kind.mode ?? 0,
      ret: errno === 0 ? fd : -errno,
    };
    truth.opens.push(call);
    const durationNs = random.between(1500, 15_000);
    const transfer =
      errno !== 0 || (kind.flags & Flag.directory) !== 0
        ? undefined
        : planTransfer(plan, call, kind, timeNs + durationNs);
    return { timeNs, kind, durationNs, transfer, closes };
  });
}

/** Draws what is done with an opened file; `afterNs` is when the descriptor is there. */
function planTransfer(
  plan: PlanBuilder,
  open: OpenCall,
  kind: OpenKind,
  afterNs: number,
): PlannedOpen["transfer"] {
  const { random, truth } = plan;
  const call = (kind.flags & AccessMode) === Flag.writeOnly ? "write" : "read";
  const count = call === "write" ? random.between(1, 400) : 4096;
  const result = call === "write" ? count : random.between(0, 4096);
  const timeNs = afterNs + random.between(1000, 4000);
  const durationNs = random.between(700, 60_000);
  const { pid, comm, path, ret: fd } = open;
  truth.transfers.push({ timeNs, durationNs, pid, comm, call, path, count, ret: result });
  return { timeNs, request: { call, fd, count, result, durationNs } };
}

function* play(simulation: Simulation, task: Task, opens: readonly PlannedOpen[]): Activity {
  for (const { timeNs, kind, durationNs, transfer: next, closes } of opens) {
    yield* simulation.sleepUntil(timeNs);
    const { call, path, flags, mode = 0, errno = 0 } = kind;
    yield* openFile(simulation, task, { call, path, flags, mode, errno, durationNs });
    if (next !== undefined) {
      yield* simulation.runUntil(next.timeNs);
      yield* transfer(simulation, task, next.request);
    }
    if (closes !== undefined) {
      yield { kind: "run", ns: 9_000 };
      yield* closeFile(simulation, task, closes);
    }
  }
}

/** Adds the workload to a plan. */
export function addFileOpens(plan: PlanBuilder): void {
  for (const opener of Openers) {
    const { name, uid } = opener;
    const isFixed = name in FixedPid;
    const fixedName = name as keyof typeof FixedPid;
    const pid = isFixed ? FixedPid[fixedName] : plan.takePid();
    const comm = name === "journald" ? "systemd-journal" : name;
    const opens = planOpens(plan, opener, pid, comm);
    plan.atStart((simulation) => {
      const task = isFixed
        ? fixedTask(simulation, fixedName)
        : simulation.world.createTask({ pid, comm, uid, parent: fixedTask(simulation, "bash") });
      simulation.scheduler.startAt(simulation.startNs + 2_000_000, task, play(simulation, task, opens));
    });
  }
}

/** The scenario. */
export const fileOpen: Scenario = {
  name: "file-open",
  description:
    "Five seconds of files opened in four ways, read and written by seven processes; some are missing or forbidden.",
  plan(seed) {
    const plan = new PlanBuilder(seed, DurationNs);
    addFileOpens(plan);
    return plan.build();
  },
};
