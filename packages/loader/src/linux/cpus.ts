/** CPU numbers as sysfs lists them. */
import { readFileSync } from "node:fs";

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

/** `possible`: all that there may ever be, the ones that per-CPU maps have values for. */
export function cpusOf(set: "online" | "possible"): number[] {
  return parseCpuList(readFileSync(`/sys/devices/system/cpu/${set}`, "utf8"));
}
