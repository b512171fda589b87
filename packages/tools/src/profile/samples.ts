/** What profile has counted: stacks with the names of their functions. */
import type { BPF, Table } from "bpfkit/tracing";

/** Half of a stack: function names, innermost first, or why there are none. */
export type HalfStack = readonly string[] | "missed";

/** A stack and how often it was seen. */
export interface StackCount {
  readonly comm: string;
  readonly pid: number;
  readonly count: number;
  readonly user: HalfStack;
  readonly kernel: HalfStack;
}

/** Everything that was counted. */
export interface Samples {
  /** The rarest first. */
  readonly stacks: readonly StackCount[];
  /** Stacks that the kernel could not store, a reason each. */
  readonly missed: number;
  /** Some of them because others were in their place. */
  readonly collided: boolean;
  /** Samples for whose stacks there was no room in the table of counts. */
  readonly uncounted: number;
}

/** The C struct `sample`, decoded. */
interface SampleKey {
  readonly pid: number;
  readonly user_stack: number;
  readonly kernel_stack: number;
  readonly name: string;
}

const EFAULT = 14;
const EEXIST = 17;

/** There is no such half (-EFAULT); any other error means that there is one, which could not be stored. */
const isMissed = (id: number): boolean => id < 0 && id !== -EFAULT;

/** Which halves were sampled. */
export interface Halves {
  readonly user: boolean;
  readonly kernel: boolean;
}

/** Reads the tables and looks the names up. */
export function readSamples(bpf: BPF, halves: Halves): Samples {
  const table = bpf.table("stacks");
  const named = new Map<string, readonly string[]>();
  let missed = 0;
  let collided = false;
  const half = (wanted: boolean, id: number, pid: number): HalfStack => {
    if (!wanted) return [];
    if (!isMissed(id)) return names(table, named, bpf, id, pid);
    missed++;
    collided ||= id === -EEXIST;
    return "missed";
  };
  const stacks = (bpf.table("counts").items() as unknown as [SampleKey, bigint][])
    .map(([key, count]): StackCount => {
      const { pid, name, user_stack: user, kernel_stack: kernel } = key;
      return {
        comm: name,
        pid,
        count: Number(count),
        kernel: half(halves.kernel, kernel, -1),
        user: half(halves.user, user, pid),
      };
    })
    .sort((a, b) => a.count - b.count);
  return { stacks, missed, collided, uncounted: Number(bpf.table("uncounted").get(0) ?? 0) };
}

/** Names of a stack's functions; a `pid` of -1 is the kernel. Equal stacks are looked up once. */
function names(
  table: Table,
  known: Map<string, readonly string[]>,
  bpf: BPF,
  id: number,
  pid: number,
): readonly string[] {
  if (id < 0) return [];
  const key = `${pid} ${id}`;
  let found = known.get(key);
  if (found === undefined) {
    found = table.walk(id).map((address) => bpf.sym(address, pid));
    known.set(key, found);
  }
  return found;
}
