/** Runs map scripts: on our maps through their bpf(2) side, and on the host kernel's through bpftool. */
import { execFileSync } from "node:child_process";
import { errnoName, MapType } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { BpfMap } from "../maps/map.ts";
import { Lab } from "./lab.ts";
import type { MapScript, MapStep } from "./map-scripts.ts";

/** bpftool's spelling to MapType's. */
function typeNumber(name: string): number {
  const pascal = name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return (MapType as Readonly<Record<string, number>>)[pascal] as number;
}

const flagBits = { any: 0, noexist: 1, exist: 2 } as const;

const hex = (bytes: Iterable<number>): string => Buffer.from([...bytes]).toString("hex");

/** Creates the map in a lab's machine. */
export function createFromScript(lab: Lab, script: MapScript): BpfMap {
  const { keySize, valueSize, maxEntries, flags, name } = script;
  return lab.map({ type: typeNumber(script.type), keySize, valueSize, maxEntries, flags, name });
}

function guarded(action: () => string): string {
  try {
    return action();
  } catch (error) {
    if (error instanceof SyscallError) return errnoName(error.errno);
    throw error;
  }
}

/** Results of a script on our maps, one text a step; the first is the creation's. */
export function runOnOurs(script: MapScript): string[] {
  const lab = new Lab("jit");
  const results = [guarded(() => (createFromScript(lab, script), "ok"))];
  const map = lab.maps[0];
  if (map === undefined) return results;
  return [...results, ...script.steps.map((step) => guarded(() => ourStep(map, step)))];
}

/** The value that every CPU has, or all of them. */
function oneValue(map: BpfMap, bytes: Uint8Array): string {
  if (!map.perCpu) return hex(bytes);
  const stride = Math.ceil(map.valueSize / 8) * 8;
  const values = new Set<string>();
  for (let at = 0; at < bytes.length; at += stride) values.add(hex(bytes.subarray(at, at + map.valueSize)));
  return [...values].join(",");
}

function everyCpu(map: BpfMap, value: readonly number[]): Uint8Array {
  if (!map.perCpu) return Uint8Array.from(value);
  const stride = Math.ceil(map.valueSize / 8) * 8;
  const all = new Uint8Array(stride * 4);
  for (let cpu = 0; cpu < 4; cpu++) all.set(value, cpu * stride);
  return all;
}

function ourStep(map: BpfMap, step: MapStep): string {
  switch (step.do) {
    case "update": {
      const flags = flagBits[step.flags ?? "any"];
      map.write(Uint8Array.from(step.key), everyCpu(map, step.value), flags);
      return "ok";
    }
    case "lookup": {
      const value = map.read(Uint8Array.from(step.key));
      return value === undefined ? "ENOENT" : oneValue(map, value);
    }
    case "delete":
      return map.erase(Uint8Array.from(step.key)) ? "ok" : "ENOENT";
    case "push":
      map.write(new Uint8Array(0), Uint8Array.from(step.value), 0);
      return "ok";
    case "pop": {
      const value = map.readAndErase(new Uint8Array(0));
      return value === undefined ? "ENOENT" : hex(value);
    }
    case "peek": {
      const value = map.read(new Uint8Array(0));
      return value === undefined ? "ENOENT" : hex(value);
    }
    case "walk": {
      const keys: string[] = [];
      for (let key = map.nextKey(undefined); key !== undefined; key = map.nextKey(key)) keys.push(hex(key));
      return (step.ordered ? keys : keys.sort()).join(" ");
    }
  }
}

/** strerror(3) texts that bpftool prints. */
const errorTexts: readonly (readonly [string, string])[] = [
  ["Argument list too long", "E2BIG"],
  ["File exists", "EEXIST"],
  ["No such file or directory", "ENOENT"],
  ["Invalid argument", "EINVAL"],
  ["Operation not permitted", "EPERM"],
  ["No space left on device", "ENOSPC"],
  ["Unknown error 524", "ENOTSUPP"],
  ["Operation not supported", "EOPNOTSUPP"],
  ["Bad file descriptor", "EBADF"],
];

/** Results of a script on the host kernel's maps. The map is pinned at `pin` meanwhile and gone afterwards. */
export function runOnHost(bpftool: string, pin: string, script: MapScript): string[] {
  const call = (...words: (string | number)[]): string => {
    try {
      const line = ["-j", "map", ...words.map(String)];
      return execFileSync(bpftool, line, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      const text = `${stdout} ${stderr}`.trim();
      const known = errorTexts.find(([message]) => text.includes(message));
      return known?.[1] ?? text;
    }
  };
  const { type, keySize, valueSize, maxEntries, flags, name } = script;
  const sizes = ["key", keySize, "value", valueSize, "entries", maxEntries, "flags", flags];
  const created = call("create", pin, "type", type, ...sizes, "name", name.slice(0, 15));
  if (created !== "" && created !== "null") return [created];
  try {
    return ["ok", ...script.steps.map((step) => hostStep(call, ["pinned", pin], step))];
  } finally {
    execFileSync("rm", ["-f", pin]);
  }
}

interface BpftoolEntry {
  readonly value?: readonly string[];
  readonly values?: readonly { readonly value: readonly string[] }[];
  readonly next_key?: readonly string[];
  readonly error?: string;
}

function hostStep(
  call: (...words: (string | number)[]) => string,
  map: readonly string[],
  step: MapStep,
): string {
  const done = (text: string): string => (text === "" || text === "null" ? "ok" : text);
  switch (step.do) {
    case "update":
      return done(call("update", ...map, "key", ...step.key, "value", ...step.value, step.flags ?? "any"));
    case "lookup":
      return entryText(call("lookup", ...map, "key", ...step.key));
    case "delete":
      return done(call("delete", ...map, "key", ...step.key));
    case "push":
      return done(call("push", ...map, "value", ...step.value));
    case "pop":
    case "peek":
      return entryText(call(step.do, ...map));
    case "walk":
      return hostWalk(call, map, step.ordered);
  }
}

function hostWalk(
  call: (...words: (string | number)[]) => string,
  map: readonly string[],
  ordered: boolean,
): string {
  const keys: string[] = [];
  let from: string[] = [];
  for (;;) {
    const text = call("getnext", ...map, ...from);
    if (text === "ENOENT") break;
    const next = (JSON.parse(text) as BpftoolEntry).next_key;
    if (next === undefined) return text;
    keys.push(hex(next.map(Number)));
    from = ["key", ...next];
  }
  return (ordered ? keys : keys.sort()).join(" ");
}

function entryText(text: string): string {
  if (text === "null" || text === "") return "ENOENT";
  if (!text.startsWith("{")) return text;
  const entry = JSON.parse(text) as BpftoolEntry;
  if (entry.value !== undefined) return hex(entry.value.map(Number));
  if (entry.values !== undefined) {
    return [...new Set(entry.values.map(({ value }) => hex(value.map(Number))))].join(",");
  }
  return text;
}
