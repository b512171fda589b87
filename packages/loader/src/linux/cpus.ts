/** CPU numbers as sysfs lists them. */
import { readFileSync } from "node:fs";
import { failure } from "./kernel-files.ts";

/** Numbers of a list such as `0-3,8`, ascending. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const part of text.trim().split(",")) {
    const [first, last = first] = part.split("-").map(Number);
    if (first === undefined || last === undefined) continue;
    for (let cpu = first; cpu <= last; cpu++) cpus.push(cpu);
  }
  return cpus;
}

/**
 * `possible`: all that there may ever be, the ones that per-CPU maps have values for.
 * @throws BpfkitError LK009 where sysfs is not mounted
 */
export function cpusOf(set: "online" | "possible"): number[] {
  const path = `/sys/devices/system/cpu/${set}`;
  try {
    return parseCpuList(readFileSync(path, "utf8"));
  } catch (error) {
    throw failure(path, error);
  }
}
