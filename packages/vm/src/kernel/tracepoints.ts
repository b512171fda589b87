/** The profile's tracepoints by name and id, and the making of their records. */
import type { KernelProfile } from "@bpfkit/base/kernel";
import { storeInteger } from "./objects/kernel-object.ts";
import {
  parseTracepointFormat,
  type TracepointField,
  type TracepointFormat,
  tracepointIdOf,
} from "./tracepoint-format.ts";

/** What a record's field can be set to: a number, text (zero-terminated), bytes, or 64-bit array elements. */
export type RecordValue = number | bigint | string | Uint8Array | readonly bigint[];

/** Field values by name; fields not named are zero. */
export type RecordValues = Readonly<Record<string, RecordValue>>;

const encoder = new TextEncoder();

/** Tracepoints of one kernel. Formats are parsed when first used. */
export class TracepointTable {
  readonly #profile: KernelProfile;
  readonly #formats = new Map<string, TracepointFormat | undefined>();
  #namesById: Map<number, string> | undefined;
  #rawNames: Set<string> | undefined;

  constructor(profile: KernelProfile) {
    this.#profile = profile;
  }

  /** `name` is `CATEGORY/NAME`; undefined for a tracepoint that the kernel does not have. */
  format(name: string): TracepointFormat | undefined {
    if (!this.#formats.has(name)) {
      const text = this.#profile.tracepointFormats.get(name);
      this.#formats.set(name, text === undefined ? undefined : parseTracepointFormat(text));
    }
    return this.#formats.get(name);
  }

  /** `CATEGORY/NAME` of an id. */
  nameOf(id: number): string | undefined {
    if (this.#namesById === undefined) {
      this.#namesById = new Map();
      for (const [name, text] of this.#profile.tracepointFormats) {
        const known = tracepointIdOf(text);
        if (known !== undefined) this.#namesById.set(known, name);
      }
    }
    return this.#namesById.get(id);
  }

  /**
   * True where a raw tracepoint of this name exists. Tracepoints of system calls are not raw ones: they hang on
   * sys_enter and sys_exit.
   */
  hasRaw(name: string): boolean {
    if (this.#rawNames === undefined) {
      this.#rawNames = new Set();
      for (const full of this.#profile.tracepointFormats.keys()) {
        if (!full.startsWith("syscalls/")) this.#rawNames.add(full.slice(full.indexOf("/") + 1));
      }
    }
    return this.#rawNames.has(name);
  }
}

/** Size in bytes of the record that {@link writeRecord} makes. */
export function recordSize(format: TracepointFormat, values: RecordValues): number {
  let size = format.size;
  for (const field of format.fields) {
    if (field.location !== "inline") size += dynamicBytes(values[field.name]).length;
  }
  return size;
}

/** Writes a record at `offset` of guest memory; the memory there is zero and large enough. */
export function writeRecord(
  format: TracepointFormat,
  values: RecordValues,
  memory: { readonly u8: Uint8Array; readonly view: DataView },
  offset: number,
): void {
  let tail = format.size;
  for (const field of format.fields) {
    const value = values[field.name];
    if (field.location === "inline") {
      if (value !== undefined) writeField(field, value, memory, offset + field.offset);
      continue;
    }
    const bytes = dynamicBytes(value);
    const from = field.location === "data" ? tail : tail - (field.offset + 4);
    memory.view.setUint32(offset + field.offset, (from | (bytes.length << 16)) >>> 0, true);
    memory.u8.set(bytes, offset + tail);
    tail += bytes.length;
  }
}

function dynamicBytes(value: RecordValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return encoder.encode(`${typeof value === "string" ? value : ""}\0`);
}

function writeField(
  field: TracepointField,
  value: RecordValue,
  memory: { readonly u8: Uint8Array; readonly view: DataView },
  at: number,
): void {
  const { view, u8 } = memory;
  if (typeof value === "string") {
    u8.set(encoder.encode(value).subarray(0, field.size - 1), at);
  } else if (value instanceof Uint8Array) {
    u8.set(value.subarray(0, field.size), at);
  } else if (typeof value === "object") {
    value.forEach((element, index) => {
      if ((index + 1) * 8 <= field.size) view.setBigUint64(at + index * 8, element, true);
    });
  } else {
    storeInteger(view, at, field.size, value);
  }
}
