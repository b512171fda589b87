/** Compares what two observers have seen of one workload, member by member. */
import type { BtfValue } from "@bpfkit/loader";
import type { Observations, ObservedProgram } from "./observed-program.ts";
import type { WatchedTool } from "./watched-tools.ts";

/** Both observers' events of the workload, as text, in a fixed order. */
export interface Comparison {
  readonly count: number;
  /** What one has and the other has not. */
  readonly differences: readonly string[];
}

const asText = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? String(each) : each));

/** A member's number: a process id as it is, or in the upper half of what bpf_get_current_pid_tgid gives. */
function processOf(value: BtfValue, member: string): number {
  const record = value as Readonly<Record<string, BtfValue>>;
  const number = BigInt((typeof value === "object" ? record[member] : value) as number | bigint);
  return Number(number > 0xffff_ffffn ? number >> 32n : number);
}

/** Compares one tool's observations. @param isWorkload Whether a process belongs to the workload. */
export function compareObservations(
  tool: WatchedTool,
  program: ObservedProgram,
  bcc: Observations,
  ours: Observations,
  isWorkload: (pid: number) => boolean,
): Comparison {
  const [theirs, mine] = [bcc, ours].map((side) => textsOf(tool, program, side, isWorkload));
  const differences = [
    ...without(theirs ?? [], mine ?? []).map((text) => `only BCC: ${text}`),
    ...without(mine ?? [], theirs ?? []).map((text) => `only bpfkit: ${text}`),
  ];
  return { count: mine?.length ?? 0, differences };
}

function textsOf(
  tool: WatchedTool,
  program: ObservedProgram,
  side: Observations,
  isWorkload: (pid: number) => boolean,
): string[] {
  const { map, process, times } = tool;
  const counts = (value: BtfValue): boolean => process === undefined || isWorkload(processOf(value, process));
  if (map !== undefined) {
    const entries = (side.maps[map] ?? []).map((entry) => program.entry(map, entry));
    return entries
      .filter(({ key }) => counts(key))
      .map(asText)
      .sort();
  }
  return Object.entries(side.events)
    .flatMap(([table, events]) => events.map((bytes) => ({ table, value: program.event(table, bytes) })))
    .filter(({ value }) => counts(value))
    .map(({ table, value }) => `${table} ${asText({ ...(value as object), ...blanked(times) })}`)
    .sort();
}

const blanked = (members: readonly string[]): Readonly<Record<string, null>> =>
  Object.fromEntries(members.map((member) => [member, null]));

/** What of `some` is not in `others`, counting how often. */
export function without(some: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const text of others) left.set(text, (left.get(text) ?? 0) + 1);
  return some.filter((text) => {
    const count = left.get(text) ?? 0;
    left.set(text, count - 1);
    return count <= 0;
  });
}
