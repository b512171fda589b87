/** One kernel struct in guest memory, written field by field by name. */
import type { AddressSpace } from "../../memory/address-space.ts";
import type { StructLayouts } from "./struct-layout.ts";

/** What a field can be set to. Text is cut to the field and zero-terminated. */
export type FieldValue = number | bigint | string | Uint8Array;

const encoder = new TextEncoder();

/** A struct at a fixed guest address. Fields that this kernel does not have are skipped: layouts differ between versions. */
export class KernelObject {
  readonly struct: string;
  readonly address: bigint;
  readonly #objects: KernelObjects;

  constructor(objects: KernelObjects, struct: string, address: bigint) {
    this.#objects = objects;
    this.struct = struct;
    this.address = address;
  }

  /** Sets fields by path. */
  set(fields: Readonly<Record<string, FieldValue>>): this {
    for (const path in fields) {
      const value = fields[path];
      if (value !== undefined) this.#objects.store(this, path, value);
    }
    return this;
  }

  /** Address of a field; 0n where this kernel has none. */
  addressOf(path: string): bigint {
    const place = this.#objects.layouts.field(this.struct, path);
    return place === undefined ? 0n : this.address + BigInt(place.offset);
  }

  release(): void {
    this.#objects.memory.release(this.address);
  }
}

/** Makes kernel objects in one guest memory, laid out by one BTF. */
export class KernelObjects {
  readonly memory: AddressSpace;
  readonly layouts: StructLayouts;

  constructor(memory: AddressSpace, layouts: StructLayouts) {
    this.memory = memory;
    this.layouts = layouts;
  }

  /**
   * A zeroed struct. Where the profile knows no struct of that name the object is an empty one: it has an address, and
   * setting its fields does nothing.
   * @param extra bytes to add behind it, for flexible arrays
   */
  create(struct: string, extra = 0): KernelObject {
    const size = (this.layouts.sizeOf(struct) ?? 8) + extra;
    return new KernelObject(this, struct, this.memory.allocate(size, 64, "kernel"));
  }

  /** A zero-terminated string in kernel memory. */
  string(text: string): bigint {
    const bytes = encoder.encode(text);
    const address = this.memory.allocate(bytes.length + 1, 8, "kernel");
    this.memory.write(address, bytes);
    return address;
  }

  /** Writes one field. */
  store(object: KernelObject, path: string, value: FieldValue): void {
    const place = this.layouts.field(object.struct, path);
    if (place === undefined) return;
    const at = this.memory.offsetOf(object.address) + place.offset;
    if (typeof value === "string") this.#storeText(at, place.size, value);
    else if (typeof value === "object") this.memory.u8.set(value.subarray(0, place.size), at);
    else if (place.bitSize > 0) this.#storeBits(at, place, BigInt(value));
    else storeInteger(this.memory.view, at, place.size, value);
  }

  #storeText(at: number, size: number, text: string): void {
    const bytes = encoder.encode(text).subarray(0, size - 1);
    const { u8 } = this.memory;
    u8.set(bytes, at);
    u8.fill(0, at + bytes.length, at + size);
  }

  #storeBits(
    at: number,
    place: { readonly size: number; readonly bitOffset: number; readonly bitSize: number },
    value: bigint,
  ): void {
    const { u8 } = this.memory;
    let whole = 0n;
    for (let byte = place.size - 1; byte >= 0; byte--) whole = (whole << 8n) | BigInt(u8[at + byte] ?? 0);
    const shift = BigInt(place.bitOffset);
    const mask = ((1n << BigInt(place.bitSize)) - 1n) << shift;
    whole = (whole & ~mask) | ((value << shift) & mask);
    for (let byte = 0; byte < place.size; byte++) u8[at + byte] = Number((whole >> BigInt(8 * byte)) & 0xffn);
  }
}

/** Stores a whole number, negative ones in two's complement, in 1, 2, 4 or 8 bytes; other sizes are left alone. */
export function storeInteger(view: DataView, at: number, size: number, value: number | bigint): void {
  if (size === 8) {
    if (typeof value === "bigint") {
      view.setBigUint64(at, value, true);
    } else {
      view.setUint32(at, value, true);
      view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
    }
    return;
  }
  const number = typeof value === "number" ? value : Number(BigInt.asUintN(32, value));
  if (size === 4) view.setUint32(at, number, true);
  else if (size === 2) view.setUint16(at, number, true);
  else if (size === 1) view.setUint8(at, number);
}
