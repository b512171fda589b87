/** Runs inside the guest: one text of the corpus under bpfkit, its events and maps as raw bytes. */
import { readFileSync } from "node:fs";
import { MapType } from "@bpfkit/base/abi";
import type { Kernel } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import type { BtfValue } from "@bpfkit/loader";
import { BPF } from "bpfkit";

/** A program for both harnesses; what bcc_harness.py reads. */
export interface HarnessProgram {
  readonly name: string;
  readonly text: string;
  readonly cflags: readonly string[];
  readonly attaches: readonly {
    readonly kind: string;
    readonly fn_name: string;
    readonly event?: string;
  }[];
}

/** Raw bytes as both harnesses give them. */
export interface Observations {
  readonly name: string;
  /** By table, in hexadecimal. */
  readonly events: Readonly<Record<string, readonly string[]>>;
  readonly maps: Readonly<Record<string, readonly (readonly [key: string, value: string])[]>>;
  readonly lost: number;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A program that bpfkit has loaded and attached as the tool does. */
export class ObservedProgram {
  readonly #name: string;
  readonly #bpf: BPF;
  readonly #events: Record<string, string[]> = {};
  #lost = 0;

  private constructor(name: string, bpf: BPF) {
    this.#name = name;
    this.#bpf = bpf;
    for (const table of bpf.tables().filter(({ type }) => type === MapType.PerfEventArray)) {
      const taken: string[] = [];
      this.#events[table.name] = taken;
      table.openPerfBuffer((_cpu, data) => taken.push(hex(data)), {
        pageCount: 64,
        onLost: (_cpu, count) => {
          this.#lost += count;
        },
      });
    }
  }

  /** Loads the object that the host has built, and attaches it. */
  static async open(program: HarnessProgram, kernel: Kernel, targetBtf: BtfTable): Promise<ObservedProgram> {
    const { name } = program;
    const bpf = await BPF.open({ object: readFileSync(`/objects/${name}.o`), name, kernel, targetBtf });
    for (const { kind, fn_name, event } of program.attaches) {
      if (event === undefined) throw new Error(`${name}: attaches without an event`);
      if (kind === "kprobe") bpf.attachKprobe({ event, program: fn_name });
      else if (kind === "kretprobe") bpf.attachKretprobe({ event, program: fn_name });
      else throw new Error(`${name}: attaches as ${kind}`);
    }
    return new ObservedProgram(name, bpf);
  }

  /** Takes what is in the rings. */
  poll(): void {
    this.#bpf.perfBufferConsume();
  }

  /** Everything seen so far. */
  observations(): Observations {
    this.poll();
    const maps: Record<string, [string, string][]> = {};
    for (const table of this.#bpf.tables().filter(({ hasValues }) => hasValues)) {
      maps[table.name] = [...table.map.entriesBytes()].map(([key, value]) => [hex(key), hex(value)]);
    }
    return { name: this.#name, events: this.#events, maps, lost: this.#lost };
  }

  /** Decodes an event by the object's types. */
  event(table: string, bytes: string): BtfValue {
    return this.#bpf.table(table).event(Buffer.from(bytes, "hex"));
  }

  /** Decodes an entry. */
  entry(table: string, [key, value]: readonly [string, string]): { key: BtfValue; value: BtfValue } {
    const { map } = this.#bpf.table(table);
    const codec = { key: map.keyCodec, value: map.valueCodec };
    return {
      key: codec.key.decode(Buffer.from(key, "hex")),
      value: codec.value.decode(Buffer.from(value, "hex")),
    };
  }

  close(): void {
    this.#bpf.close();
  }
}
