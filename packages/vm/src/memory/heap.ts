/** Allocation of linear memory: page runs per kind, exact-size reuse of what was given back. */
import { BpfkitError, InternalError } from "@bpfkit/base/diagnostics";
import { PAGE_SIZE } from "./layout.ts";

/** What a piece of memory is for: simulated kernel objects, things programs can own, or pages of user processes. */
export type RegionKind = "kernel" | "program" | "user";

/** Pages are taken in runs of at least this many bytes per kind. */
const RUN_BYTES = 64 * 1024;

/** Unused bytes after every allocation in program memory, so that the next object is never adjacent. */
const GAP_BYTES = 8;

/** The run that a kind allocates from now. */
interface Run {
  next: number;
  end: number;
}

/** Hands out [start, limit) of a linear memory. Sizes and offsets in bytes. */
export class Heap {
  #next: number;
  readonly #limit: number;
  readonly #open: (start: number, end: number, kind: RegionKind) => void;
  readonly #runs: Record<RegionKind, Run> = {
    kernel: { next: 0, end: 0 },
    program: { next: 0, end: 0 },
    user: { next: 0, end: 0 },
  };
  /** Live allocations: offset -> key of its free list. */
  readonly #live = new Map<number, string>();
  /** Free list key -> offsets. */
  readonly #free = new Map<string, number[]>();

  /** `open` is told each new page run before anything in it is handed out. */
  constructor(start: number, limit: number, open: (start: number, end: number, kind: RegionKind) => void) {
    this.#next = Math.ceil(start / PAGE_SIZE) * PAGE_SIZE;
    this.#limit = limit;
    this.#open = open;
  }

  /** @throws BpfkitError VM001 when nothing is left. */
  allocate(size: number, align: number, kind: RegionKind): number {
    const rounded = Math.ceil(size / 8) * 8;
    const key = `${kind} ${rounded} ${align}`;
    const reused = this.#free.get(key)?.pop();
    const offset = reused ?? this.#take(rounded, align, kind);
    this.#live.set(offset, key);
    return offset;
  }

  /** Returns the rounded size of what was released. */
  release(offset: number): number {
    const key = this.#live.get(offset);
    if (key === undefined) throw new InternalError(`offset ${offset} is not the start of an allocation`);
    this.#live.delete(offset);
    const list = this.#free.get(key);
    if (list === undefined) this.#free.set(key, [offset]);
    else list.push(offset);
    return Number(key.split(" ")[1]);
  }

  #take(size: number, align: number, kind: RegionKind): number {
    const run = this.#runs[kind];
    let start = Math.ceil(run.next / align) * align;
    if (run.next === 0 || start + size > run.end) {
      const base = Math.ceil(this.#next / Math.max(align, PAGE_SIZE)) * Math.max(align, PAGE_SIZE);
      const end = base + Math.ceil((size + GAP_BYTES) / RUN_BYTES) * RUN_BYTES;
      if (!(end <= this.#limit)) {
        throw new BpfkitError("VM001", `the simulated kernel's memory of ${this.#limit} bytes is exhausted`, {
          hint: "Use smaller maps or ring buffers, or raise the memory limit of the VM.",
        });
      }
      this.#open(base, end, kind);
      this.#next = end;
      run.end = end;
      start = base;
    }
    run.next = start + size + (kind === "program" ? GAP_BYTES : 0);
    return start;
  }
}
