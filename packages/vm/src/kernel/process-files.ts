/** /proc/PID of the simulated processes, and the files of the programs that they run. */
import type { ReadableFile } from "@bpfkit/base/kernel";
import type { Task } from "./objects/task.ts";
import type { SimulatedWorld } from "./simulated-world.ts";

/** Clock ticks of /proc/PID/stat, a hundred a second. */
const TickNs = 10_000_000;

/** Text of `/proc/PID/FILE`; undefined for other paths and for processes that are not alive. */
export function processFile(world: SimulatedWorld, path: string): string | undefined {
  const [, pid, file] = /^\/proc\/(\d+)\/(\w+)$/.exec(path) ?? [];
  const task = pid === undefined ? undefined : world.task(Number(pid));
  if (task === undefined) return undefined;
  switch (file) {
    case "comm":
      return `${task.name}\n`;
    case "maps":
      return maps(world, task);
    case "stat":
      return stat(world, task);
    case "status":
      return `Name:\t${task.name}\nTgid:\t${task.tgid}\nPid:\t${task.pid}\nPPid:\t${task.parent.pid}\nNSpid:\t${task.pid}\n`;
    default:
      return undefined;
  }
}

function maps(world: SimulatedWorld, task: Task): string {
  if (task.kernelThread) return "";
  const { userPrograms } = world;
  return userPrograms.program(task.program).mapsLine() + userPrograms.library.mapsLine();
}

/** The fields of proc_pid_stat(5) that the simulation knows; the others are 0. */
function stat(world: SimulatedWorld, task: Task): string {
  const fields = Array<number | bigint | string>(52).fill(0);
  const startCode = task.kernelThread ? 0n : world.userPrograms.program(task.program).start;
  const known: Readonly<Record<number, number | bigint | string>> = {
    1: task.pid,
    2: `(${task.name})`,
    3: task.state === "running" || task.state === "runnable" ? "R" : "S",
    4: task.parent.pid,
    5: task.pid,
    6: task.pid,
    18: 20,
    20: 1,
    22: Math.floor(task.startNs / TickNs),
    26: startCode,
    27: startCode + 0x1000n,
    39: task.cpu,
  };
  for (const number in known) fields[Number(number) - 1] = known[number] ?? 0;
  return `${fields.join(" ")}\n`;
}

/** A program's file, as seen by the machine (`/usr/bin/NAME`) or by a process (`/proc/PID/root/usr/bin/NAME`). */
export function openProgramFile(world: SimulatedWorld, path: string): ReadableFile | undefined {
  const code = world.userPrograms.atPath(path.replace(/^\/proc\/\d+\/root(?=\/)/, ""));
  if (code === undefined) return undefined;
  const { inode } = code;
  const bytes = code.file();
  return {
    identity: `8:2 ${inode}`,
    inode,
    sizeBytes: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
    close() {},
  };
}
