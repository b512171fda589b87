/** What the generic front end prints: as text for people or as one JSON object a line. */
import { MapType, mapTypeName } from "@bpfkit/base/abi";
import { hexdump } from "@bpfkit/base/bytes";
import { type BtfValue, codecFor } from "@bpfkit/loader";
import type { BPF } from "../bpf.ts";
import { fieldsText, type JsonValue, jsonValue, valueText } from "../output/value-text.ts";
import type { Event, Table, WriteLine } from "../table.ts";

/** Prints lines, events and maps of one program. */
export class Printer {
  readonly #bpf: BPF;
  readonly #json: boolean;
  readonly #write: WriteLine;

  constructor(bpf: BPF, json: boolean, write: WriteLine) {
    this.#bpf = bpf;
    this.#json = json;
    this.#write = write;
  }

  /** A line of the trace pipe; a newline in the program's text makes an empty one, as in the kernel's. */
  trace(line: string): void {
    if (!this.#json) this.#write(line);
    else if (line !== "") this.#object({ trace: line });
  }

  /** An event of a perf or ring buffer whose type is known. */
  event(table: Table, event: Event, cpu: number | undefined): void {
    if (!this.#json) this.#write(`${table.name}: ${fieldsText(table.eventCodec(), event)}`);
    else this.#object({ map: table.name, ...place(cpu), event: jsonValue(event) });
  }

  /** Another event. */
  bytes(table: Table, data: Uint8Array, cpu?: number): void {
    if (this.#json) {
      this.#object({ map: table.name, ...place(cpu), event: [...data] });
      return;
    }
    this.#write(`${table.name}: ${data.length} bytes`);
    for (const line of hexdump(data).split("\n")) this.#write(`  ${line}`);
  }

  /** Events that did not fit their ring. */
  lost(table: Table, cpu: number, count: number): void {
    if (this.#json) this.#object({ map: table.name, cpu, lost: count });
    else this.#write(`${table.name}: ${count} events lost on CPU ${cpu}`);
  }

  /** Every map, and the variables that programs can change. */
  maps(): void {
    for (const table of this.#bpf.tables()) this.#map(table);
    for (const [name, value, text] of this.#variables()) {
      if (this.#json) this.#object({ variable: name, value: jsonValue(value) });
      else this.#write(`variable ${name} = ${text}`);
    }
  }

  #map(table: Table): void {
    if (table.type === MapType.StackTrace) this.#stacks(table);
    if (!table.hasValues) return;
    if (table.isHistogram && !this.#json) {
      this.#write("");
      this.#write(`histogram ${table.name}`);
      const [section] = table.map.keyCodec.members;
      table.printLog2Hist(this.#write, table.name, {
        sectionHeader: section?.name ?? "key",
        sectionName: (bucket) => (section === undefined ? String(bucket) : valueText(section.codec, bucket)),
      });
      return;
    }
    const items = table.items();
    // Arrays always have every entry: those that nothing was written to say nothing.
    const isArray = table.type === MapType.Array || table.type === MapType.PercpuArray;
    const shown = isArray ? items.filter(([, value]) => !isZero(value)) : items;
    const { keyCodec, valueCodec } = table.map;
    if (this.#json) {
      const entries = shown.map(([key, value]) => ({ key: jsonValue(key), value: jsonValue(value) }));
      this.#object({ map: table.name, type: mapTypeName(table.type), entries });
      return;
    }
    this.#write("");
    const zero = items.length - shown.length;
    const counts = isArray ? `${shown.length} entries, ${zero} more are zero` : `${shown.length} entries`;
    this.#write(`map ${table.name} (${mapTypeName(table.type)}, ${counts})`);
    for (const [key, value] of shown) {
      this.#write(`  ${valueText(keyCodec, key)}: ${valueText(valueCodec, value)}`);
    }
  }

  #stacks(table: Table): void {
    const ids = [...table.map.entriesBytes()].map(([key]) =>
      new DataView(key.buffer, key.byteOffset).getUint32(0, true),
    );
    const stacks = ids.map((id) => ({
      id,
      frames: table.walk(id).map((address) => this.#bpf.ksym(address)),
    }));
    if (this.#json) {
      this.#object({ map: table.name, type: mapTypeName(table.type), stacks });
      return;
    }
    this.#write("");
    this.#write(`map ${table.name} (${mapTypeName(table.type)}, ${stacks.length} stacks)`);
    for (const { id, frames } of stacks) {
      this.#write(`  ${id}:`);
      for (const frame of frames) this.#write(`    ${frame}`);
    }
  }

  *#variables(): Generator<[name: string, value: BtfValue, text: string]> {
    const { btf, variables } = this.#bpf.collection.spec;
    if (btf === undefined) return;
    for (const variable of variables.values()) {
      if (variable.constant) continue;
      const bytes = this.#bpf.collection.maps.get(variable.map.name)?.lookupBytes(new Uint8Array(4));
      if (bytes === undefined) continue;
      const codec = codecFor(btf, variable.typeId);
      const value = codec.decode(bytes, variable.offset);
      yield [variable.name, value, valueText(codec, value)];
    }
  }

  #object(value: JsonValue): void {
    this.#write(JSON.stringify(value));
  }
}

function place(cpu: number | undefined): { readonly cpu?: number } {
  return cpu === undefined ? {} : { cpu };
}

function isZero(value: BtfValue): boolean {
  if (typeof value === "string") return value === "";
  if (typeof value !== "object") return Number(value) === 0;
  return Object.values(value).every(isZero);
}
