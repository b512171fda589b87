/** What descriptors of the simulated kernel stand for. */
import type { BtfTable } from "@bpfkit/elf/btf";
import type { BpfMap, PerfSink } from "../maps/map.ts";
import type { RingReadSide } from "../maps/ring.ts";
import type { LoadedProgram } from "../program/program.ts";
import type { Openable } from "./descriptors.ts";
import type { PerfRing } from "./perf-ring.ts";
import type { AttachedProgram } from "./probe-table.ts";

/** A map. */
export class MapFile implements Openable {
  readonly kind = "map";
  readonly map: BpfMap;
  readonly #release: () => void;

  constructor(map: BpfMap, release: () => void) {
    this.map = map;
    this.#release = release;
  }

  /** Ring buffer maps can be polled; others never become readable. */
  readable(): boolean {
    const ring = this.ring;
    return ring !== undefined && ring.producerPosition() > ring.consumerPosition();
  }

  /** The reader's side, for ring buffer maps. */
  get ring(): RingReadSide | undefined {
    return "producerPosition" in this.map ? (this.map as BpfMap & RingReadSide) : undefined;
  }

  released(): void {
    this.#release();
  }
}

/** How a tracing program names its target. */
export type TracingTarget =
  | { readonly kind: "function"; readonly name: string; readonly place: "fentry" | "fexit" }
  | { readonly kind: "raw tracepoint"; readonly name: string };

/** A program. */
export class ProgramFile implements Openable {
  readonly kind = "program";
  readonly program: LoadedProgram;
  /** For tracing programs, what attachBtfId meant. */
  readonly target: TracingTarget | undefined;
  readonly #release: () => void;

  constructor(program: LoadedProgram, target: TracingTarget | undefined, release: () => void) {
    this.program = program;
    this.target = target;
    this.#release = release;
  }

  released(): void {
    this.#release();
  }
}

/** Types given to BPF_BTF_LOAD. */
export class BtfFile implements Openable {
  readonly kind = "btf";
  readonly table: BtfTable;

  constructor(table: BtfTable) {
    this.table = table;
  }

  released(): void {}
}

/** A link: keeps its program attached. */
export class LinkFile implements Openable {
  readonly kind = "link";
  readonly #detach: () => void;

  constructor(detach: () => void) {
    this.#detach = detach;
  }

  released(): void {
    this.#detach();
  }
}

/** The reading end of trace_pipe. */
export class TracePipeFile implements Openable {
  readonly kind = "trace pipe";
  readonly #hasLines: () => boolean;

  constructor(hasLines: () => boolean) {
    this.#hasLines = hasLines;
  }

  readable(): boolean {
    return this.#hasLines();
  }

  released(): void {}
}

/** Where the programs of a perf event run. */
export type PerfEventSource =
  | { readonly kind: "kprobe" | "kretprobe"; readonly function: string }
  | { readonly kind: "tracepoint"; readonly name: string }
  | { readonly kind: "clock"; readonly periodNs: number }
  | { readonly kind: "bpf-output"; readonly wakeupEvents: number };

/** A perf event. */
export class PerfEventFile implements Openable, PerfSink {
  readonly kind = "perf event";
  readonly source: PerfEventSource;
  readonly cpu: number;
  readonly id: number;
  ring: PerfRing | undefined;
  enabled = true;
  program: AttachedProgram | undefined;
  /** Undoes what perfEventSetProgram did. */
  detach: (() => void) | undefined;
  readonly #woken: () => void;
  #unannounced = 0;
  #announced = false;

  constructor(source: PerfEventSource, cpu: number, id: number, woken: () => void) {
    this.source = source;
    this.cpu = cpu;
    this.id = id;
    this.#woken = woken;
  }

  /** Records are announced to pollers after every `wakeupEvents` of them; data already announced stays readable. */
  readable(): boolean {
    if (this.ring === undefined) return false;
    if (!this.ring.hasData) this.#announced = false;
    return this.#announced;
  }

  output(data: Uint8Array): number {
    const NoSpace = -28;
    const NotHere = -95;
    if (!this.enabled) return NotHere;
    if (this.ring === undefined) return NoSpace;
    if (!this.ring.hasData) this.#announced = false;
    if (!this.ring.writeSample(data)) return NoSpace;
    this.#unannounced++;
    const every = this.source.kind === "bpf-output" ? Math.max(1, this.source.wakeupEvents) : 1;
    if (this.#unannounced >= every) {
      this.#unannounced = 0;
      this.#announced = true;
      this.#woken();
    }
    return 0;
  }

  setEnabled(enabled: boolean): void {
    this.enabled = enabled;
    if (this.program !== undefined) this.program.silent = !enabled;
  }

  released(): void {
    this.detach?.();
    this.detach = undefined;
  }
}
