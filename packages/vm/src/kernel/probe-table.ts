/** Which programs are attached where. Events look here first; an event that nobody attached to costs one map lookup. */
import type { LoadedProgram } from "../program/program.ts";

/** A program at one place. */
export interface AttachedProgram {
  readonly program: LoadedProgram;
  /** For bpf_get_attach_cookie. */
  readonly cookie: bigint;
  /** Set while its perf event is disabled, or after the program was ended by a fault. */
  silent: boolean;
}

/** Programs on one kernel function. */
export interface FunctionProbes {
  readonly kprobes: AttachedProgram[];
  readonly kretprobes: AttachedProgram[];
  readonly fentry: AttachedProgram[];
  readonly fexit: AttachedProgram[];
}

/** Where on a function. */
export type FunctionPlace = keyof FunctionProbes;

/** Events that happen together, to ask with one question whether anyone watches any of them. */
export class EventGroup {
  readonly #table: ProbeTable;
  readonly #functions: readonly string[];
  readonly #tracepoints: readonly string[];
  #answer = false;
  #version = -1;

  /** `tracepoints` as `CATEGORY/NAME`; their raw forms count too. */
  constructor(table: ProbeTable, functions: readonly string[], tracepoints: readonly string[]) {
    this.#table = table;
    this.#functions = functions;
    this.#tracepoints = tracepoints;
  }

  /** Is any program attached to any of them? */
  get isWatched(): boolean {
    const table = this.#table;
    if (this.#version !== table.version) {
      this.#version = table.version;
      this.#answer =
        this.#functions.some((name) => table.onFunction(name) !== undefined) ||
        this.#tracepoints.some(
          (name) =>
            table.onTracepoint(name) !== undefined ||
            table.onRawTracepoint(name.slice(name.indexOf("/") + 1)) !== undefined,
        );
    }
    return this.#answer;
  }
}

/** Programs by function, by tracepoint (`CATEGORY/NAME`) and by raw tracepoint (`NAME`). */
export class ProbeTable {
  readonly #functions = new Map<string, FunctionProbes>();
  readonly #tracepoints = new Map<string, AttachedProgram[]>();
  readonly #rawTracepoints = new Map<string, AttachedProgram[]>();
  #version = 0;

  /** Changes with every attachment and detachment. */
  get version(): number {
    return this.#version;
  }

  onFunction(name: string): FunctionProbes | undefined {
    return this.#functions.get(name);
  }

  onTracepoint(name: string): readonly AttachedProgram[] | undefined {
    return this.#tracepoints.get(name);
  }

  onRawTracepoint(name: string): readonly AttachedProgram[] | undefined {
    return this.#rawTracepoints.get(name);
  }

  /** Number of programs attached anywhere. */
  get size(): number {
    let count = 0;
    for (const { kprobes, kretprobes, fentry, fexit } of this.#functions.values()) {
      count += kprobes.length + kretprobes.length + fentry.length + fexit.length;
    }
    for (const list of this.#tracepoints.values()) count += list.length;
    for (const list of this.#rawTracepoints.values()) count += list.length;
    return count;
  }

  /** Returns what detaches it. */
  attachToFunction(name: string, place: FunctionPlace, program: AttachedProgram): () => void {
    let probes = this.#functions.get(name);
    if (probes === undefined) {
      probes = { kprobes: [], kretprobes: [], fentry: [], fexit: [] };
      this.#functions.set(name, probes);
    }
    const found = probes;
    found[place].push(program);
    this.#version++;
    return () => {
      this.#version++;
      removeFrom(found[place], program);
      const left = found.kprobes.length + found.kretprobes.length + found.fentry.length + found.fexit.length;
      if (left === 0) this.#functions.delete(name);
    };
  }

  attachToTracepoint(name: string, program: AttachedProgram): () => void {
    return this.#attachToList(this.#tracepoints, name, program);
  }

  attachToRawTracepoint(name: string, program: AttachedProgram): () => void {
    return this.#attachToList(this.#rawTracepoints, name, program);
  }

  #attachToList(lists: Map<string, AttachedProgram[]>, name: string, program: AttachedProgram): () => void {
    const list = lists.get(name) ?? [];
    lists.set(name, list);
    list.push(program);
    this.#version++;
    return () => {
      this.#version++;
      removeFrom(list, program);
      if (list.length === 0) lists.delete(name);
    };
  }
}

function removeFrom(list: AttachedProgram[], program: AttachedProgram): void {
  const index = list.indexOf(program);
  if (index >= 0) list.splice(index, 1);
}
