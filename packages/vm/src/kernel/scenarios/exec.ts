/** Scenario exec: a shell and cron start commands; some cannot be executed. */
import type { Task } from "../objects/task.ts";
import { execute, exitProcess, fork, waitForChild } from "../paths/process.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import { FixedPid, fixedTask, UserId } from "./machine.ts";
import { PlanBuilder } from "./plan-builder.ts";
import type { Scenario } from "./scenario.ts";

/** One try to execute a program. */
interface Attempt {
  readonly timeNs: number;
  readonly path: string;
  readonly errno: number;
  readonly durationNs: number;
}

/** A command: a child process, its tries, its end. Times in ns since the start. */
interface Command {
  readonly forkNs: number;
  readonly pid: number;
  readonly argv: readonly string[];
  readonly attempts: readonly Attempt[];
  readonly exitNs: number;
  readonly status: number;
}

/** What a command is: where it is looked for, what becomes of it. */
interface CommandKind {
  readonly argv: readonly string[];
  /** Paths that do not exist (ENOENT) and are tried first. */
  readonly misses?: readonly string[];
  /** Path of the program; absent where no try succeeds. */
  readonly path?: string;
  /** A file that is there but cannot be executed. */
  readonly refused?: string;
  readonly status?: number;
}

const DurationNs = 5_000_000_000;
const Errno = { ENOENT: 2, EACCES: 13 } as const;
/** From fork to the first try: the fork itself takes 48 us, the shell's child sets things up. */
const SetUpUs = [150, 900] as const;

const Environment = [
  "SHELL=/bin/bash",
  "HOME=/home/user",
  "LANG=C.UTF-8",
  "PATH=/usr/local/bin:/usr/bin:/bin",
];

const Shell: readonly CommandKind[] = [
  { argv: ["ls", "-l", "--color=auto"], path: "/usr/bin/ls" },
  { argv: ["cat", "/etc/hostname"], path: "/usr/bin/cat" },
  { argv: ["grep", "-rn", "TODO", "src", "include"], path: "/usr/bin/grep" },
  { argv: ["git", "status", "--short", "--branch"], path: "/usr/bin/git" },
  { argv: ["make", "-j4", "all"], path: "/usr/bin/make", status: 2 },
  { argv: ["./run-me"], refused: "./run-me", status: 126 },
  {
    argv: ["python3", "-c", "print('hello world')"],
    misses: ["/usr/local/bin/python3"],
    path: "/usr/bin/python3",
  },
  {
    argv: ["nosuchcommand", "--help"],
    misses: ["/usr/local/bin/nosuchcommand", "/usr/bin/nosuchcommand", "/bin/nosuchcommand"],
    status: 127,
  },
  { argv: ["test", "-f", ""], path: "/usr/bin/test", status: 1 },
  {
    argv: ["seq", ...Array.from({ length: 23 }, (_, index) => String(index + 1))],
    path: "/usr/bin/seq",
    status: 1,
  },
];

const Cron: readonly CommandKind[] = [
  { argv: ["/bin/sh", "-c", "run-parts --report /etc/cron.hourly"], path: "/bin/sh" },
  { argv: ["/usr/sbin/logrotate", "/etc/logrotate.conf"], path: "/usr/sbin/logrotate" },
];

/** How many commands each starts. */
const Counts = { shell: 47, cron: 7 } as const;

/** Draws commands one after the other, and states what they do. */
function planCommands(
  plan: PlanBuilder,
  starter: { readonly pid: number; readonly uid: number; readonly comm: string },
  kinds: readonly CommandKind[],
  count: number,
): Command[] {
  const { random, truth } = plan;
  const slotNs = Math.floor((plan.durationNs - 200_000_000) / count);
  return Array.from({ length: count }, (_, index) => {
    const kind = kinds[index % kinds.length]!;
    const pid = plan.takePid();
    const forkNs = 50_000_000 + index * slotNs + random.between(0, Math.floor(slotNs / 4));
    let timeNs = forkNs + random.between(...SetUpUs) * 1000;
    const paths = [
      ...(kind.misses ?? []).map((path) => ({ path, errno: Errno.ENOENT })),
      ...(kind.refused === undefined ? [] : [{ path: kind.refused, errno: Errno.EACCES }]),
      ...(kind.path === undefined ? [] : [{ path: kind.path, errno: 0 }]),
    ];
    const attempts = paths.map(({ path, errno }) => {
      const durationNs = random.between(errno === 0 ? 180 : 4, errno === 0 ? 700 : 20) * 1000;
      const attempt = { timeNs, path, errno, durationNs };
      truth.execs.push({
        timeNs,
        pid,
        ppid: starter.pid,
        uid: starter.uid,
        comm: starter.comm,
        path,
        argv: kind.argv,
        ret: errno === 0 ? 0 : -errno,
      });
      timeNs += durationNs + random.between(2, 9) * 1000;
      return attempt;
    });
    const exitNs = timeNs + random.between(300, Math.floor(slotNs / 2000)) * 1000;
    const status = kind.status ?? 0;
    const comm = kind.path === undefined ? starter.comm : kind.path.slice(kind.path.lastIndexOf("/") + 1);
    truth.forks.push({ timeNs: forkNs, parent: starter.pid, child: pid, comm: starter.comm });
    truth.exits.push({ timeNs: exitNs, pid, comm, status });
    return { forkNs, pid, argv: kind.argv, attempts, exitNs, status };
  });
}

function* child(simulation: Simulation, task: Task, command: Command): Activity {
  for (const { timeNs, path, errno, durationNs } of command.attempts) {
    yield* simulation.runUntil(timeNs);
    yield* execute(simulation, task, {
      path,
      argv: command.argv,
      environment: Environment,
      errno,
      durationNs,
    });
  }
  yield* simulation.runUntil(command.exitNs);
  yield* exitProcess(simulation, task, command.status);
}

function* starterLife(simulation: Simulation, task: Task, commands: readonly Command[]): Activity {
  for (const command of commands) {
    yield* simulation.sleepUntil(command.forkNs);
    yield* fork(simulation, task, { pid: command.pid }, (made) => child(simulation, made, command));
    yield* waitForChild(simulation, task, command.pid);
  }
}

/** Adds the workload to a plan. */
export function addExec(plan: PlanBuilder): void {
  const starters = [
    { name: "bash", uid: UserId.user, kinds: Shell, count: Counts.shell },
    { name: "cron", uid: UserId.root, kinds: Cron, count: Counts.cron },
  ] as const;
  for (const { name, uid, kinds, count } of starters) {
    const commands = planCommands(plan, { pid: FixedPid[name], uid, comm: name }, kinds, count);
    plan.atStart((simulation) => {
      const task = fixedTask(simulation, name);
      const { startNs, scheduler } = simulation;
      scheduler.startAt(startNs + 1_000_000, task, starterLife(simulation, task, commands));
    });
  }
}

/** The scenario. */
export const exec: Scenario = {
  name: "exec",
  description: "Five seconds of a shell and cron starting commands, with failures and exit codes.",
  plan(seed) {
    const plan = new PlanBuilder(seed, DurationNs);
    addExec(plan);
    return plan.build();
  },
};
