/** The guest's address space: one WebAssembly memory, kernel and user addresses into it, allocation, permissions. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { Heap, type RegionKind } from "./heap.ts";
import {
  DEFAULT_MAXIMUM_BYTES,
  MEMORY_BASE,
  MEMORY_BASE_HIGH,
  MEMORY_BASE_LOW,
  OWNERSHIP_SHIFT,
  PAGE_SIZE,
} from "./layout.ts";
import { isReadable, isWritable, type ProgramAccess, setProgramAccess } from "./ownership.ts";
import { UserSpace } from "./user-space.ts";

/** Bytes of a WebAssembly page. */
const WASM_PAGE = 65536;

/** Memory grows by at least this much at a time. */
const GROWTH_BYTES = 2 * 1024 * 1024;

/** Range of the limit: what the guest needs at least, and what the address layout leaves room for. */
const MINIMUM_LIMIT = 4 * 1024 * 1024;
const MAXIMUM_LIMIT = 1024 * 1024 * 1024;

/** Options of an {@link AddressSpace}. */
export interface AddressSpaceOptions {
  /** Upper limit of the linear memory, bytes (rounded up to a power of two); an eighth of it is set aside (not touched) for the ownership table. */
  readonly maximumBytes?: number;
}

/**
 * Guest memory. A guest kernel address is {@link MEMORY_BASE} plus an offset into the linear memory; code that runs
 * often works with offsets (numbers, 0 is never valid), the rest with addresses (bigint).
 *
 * Three sets of rights exist. Programs may load and store only what was granted with {@link grant} (stack, context,
 * map values, ring buffer records). bpf_probe_read_kernel reads any allocated kernel or program memory. User pages
 * are reached only through the current {@link UserSpace}.
 *
 * `u8`, `view`, `i32` and `u32` are replaced when the memory grows: never keep them across an allocation.
 */
export class AddressSpace {
  readonly memory: WebAssembly.Memory;
  /** Limit of the memory, a power of two. */
  readonly maximumBytes: number;
  /** Size that the memory had at first. */
  readonly initialBytes: number;
  /** The whole memory as bytes, as 32-bit words and for unaligned access. */
  u8: Uint8Array;
  u32: Uint32Array;
  i32: Int32Array;
  view: DataView;
  /** The user half that bpf_probe_read_user sees now; the world sets it when it switches tasks. */
  user: UserSpace | undefined;
  readonly #heap: Heap;
  /** Per page: 1 where kernel probes may read. */
  readonly #kernelReadable: Uint8Array;

  constructor(options: AddressSpaceOptions = {}) {
    const wanted = Math.max(options.maximumBytes ?? DEFAULT_MAXIMUM_BYTES, MINIMUM_LIMIT);
    const maximum = Math.min(2 ** Math.ceil(Math.log2(wanted)), MAXIMUM_LIMIT);
    const tableBytes = Math.ceil((maximum >>> OWNERSHIP_SHIFT) / WASM_PAGE) * WASM_PAGE;
    this.maximumBytes = maximum;
    const initial = Math.min(maximum, tableBytes + GROWTH_BYTES);
    this.initialBytes = initial;
    this.memory = new WebAssembly.Memory({ initial: initial / WASM_PAGE, maximum: maximum / WASM_PAGE });
    this.#kernelReadable = new Uint8Array(maximum / PAGE_SIZE);
    this.u8 = new Uint8Array(this.memory.buffer);
    this.u32 = new Uint32Array(this.memory.buffer);
    this.i32 = new Int32Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    this.#heap = new Heap(tableBytes, maximum, (start, end, kind) => this.#open(start, end, kind));
  }

  /**
   * Reserves zeroed memory and returns its guest address. `align` is a power of two. `kernel` memory is for simulated
   * kernel objects (readable by probes), `program` memory for what can be granted to programs.
   * @throws BpfkitError VM001 when the memory's limit is reached.
   */
  allocate(size: number, align: number, kind: RegionKind): bigint {
    return this.addressOf(this.allocateOffset(size, align, kind));
  }

  /** {@link allocate}, returning the offset in linear memory. */
  allocateOffset(size: number, align: number, kind: RegionKind): number {
    const offset = this.#heap.allocate(Math.max(size, 1), Math.max(align, 8), kind);
    this.u8.fill(0, offset, offset + size);
    return offset;
  }

  /** Gives memory back by the address that {@link allocate} returned; its content and rights for programs end. */
  release(address: bigint): void {
    this.releaseOffset(this.offsetOf(address));
  }

  /** {@link release} by offset. */
  releaseOffset(offset: number): void {
    const size = this.#heap.release(offset);
    setProgramAccess(this.u8, offset, size, "none");
  }

  /** Guest address of an offset. */
  addressOf(offset: number): bigint {
    return MEMORY_BASE + BigInt(offset);
  }

  /** Offset of a guest kernel address; 0 for any address outside the memory. */
  offsetOf(address: bigint): number {
    const offset = BigInt.asUintN(64, address) - MEMORY_BASE;
    return offset > 0n && offset < BigInt(this.u8.length) ? Number(offset) : 0;
  }

  /** {@link offsetOf} for an address in two 32-bit words. */
  offsetOfWords(low: number, high: number): number {
    if ((high | 0) !== MEMORY_BASE_HIGH) return 0;
    const offset = (low >>> 0) - MEMORY_BASE_LOW;
    return offset > 0 && offset < this.u8.length ? offset : 0;
  }

  /** Copies `size` bytes within the memory, also between overlapping places; offsets are not checked. Short aligned copies take a faster way. */
  copy(to: number, from: number, size: number): void {
    const overlaps = to > from && to < from + size;
    if (size > 32 || overlaps || ((to | from | size) & 3) !== 0) {
      this.u8.copyWithin(to, from, from + size);
      return;
    }
    const { i32 } = this;
    const [target, source] = [to >>> 2, from >>> 2];
    for (let i = 0; i < size >>> 2; i++) i32[target + i] = i32[source + i] as number;
  }

  /** Sets what programs may do with [offset, offset + size); `offset` must be a multiple of 8. */
  grant(offset: number, size: number, access: ProgramAccess): void {
    setProgramAccess(this.u8, offset, size, access);
  }

  /** May programs read all of [offset, offset + size)? */
  programMayRead(offset: number, size: number): boolean {
    return offset > 0 && size >= 0 && offset + size <= this.u8.length && isReadable(this.u8, offset, size);
  }

  /** May programs write all of [offset, offset + size)? */
  programMayWrite(offset: number, size: number): boolean {
    return offset > 0 && size >= 0 && offset + size <= this.u8.length && isWritable(this.u8, offset, size);
  }

  /** Is all of [offset, offset + size) allocated kernel-side memory, which kernel probes can read? */
  kernelMayRead(offset: number, size: number): boolean {
    if (offset <= 0 || offset + size > this.u8.length) return false;
    const last = (offset + Math.max(size, 1) - 1) >>> 12;
    for (let page = offset >>> 12; page <= last; page++) if (this.#kernelReadable[page] !== 1) return false;
    return true;
  }

  /** A new, empty user half. Make it current by assigning {@link user}. */
  createUserSpace(): UserSpace {
    return new UserSpace(this);
  }

  /** A copy of guest memory, kernel or current user; undefined where any byte is not mapped. */
  read(address: bigint, length: number): Uint8Array | undefined {
    const offset = this.offsetOf(address);
    if (offset !== 0) {
      return this.kernelMayRead(offset, length) ? this.u8.slice(offset, offset + length) : undefined;
    }
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = address + BigInt(done);
      const from = this.user?.translate(Number(at & 0xffff_ffffn), Number((at >> 32n) & 0xffff_ffffn)) ?? 0;
      if (from === 0) return undefined;
      const size = Math.min(length - done, PAGE_SIZE - (from & (PAGE_SIZE - 1)));
      out.set(this.u8.subarray(from, from + size), done);
      done += size;
    }
    return out;
  }

  /** Writes kernel-side guest memory for the world. @throws BpfkitError VM002 where it is not allocated. */
  write(address: bigint, bytes: Uint8Array): void {
    this.u8.set(bytes, this.#kernelOffset(address, bytes.length));
  }

  /** Little-endian stores and loads for the world's own structures; VM002 where the memory is not allocated. */
  setUint8(address: bigint, value: number): void {
    this.view.setUint8(this.#kernelOffset(address, 1), value);
  }
  setUint16(address: bigint, value: number): void {
    this.view.setUint16(this.#kernelOffset(address, 2), value, true);
  }
  setUint32(address: bigint, value: number): void {
    this.view.setUint32(this.#kernelOffset(address, 4), value, true);
  }
  setUint64(address: bigint, value: bigint): void {
    this.view.setBigUint64(this.#kernelOffset(address, 8), value, true);
  }
  getUint32(address: bigint): number {
    return this.view.getUint32(this.#kernelOffset(address, 4), true);
  }
  getUint64(address: bigint): bigint {
    return this.view.getBigUint64(this.#kernelOffset(address, 8), true);
  }

  #kernelOffset(address: bigint, size: number): number {
    const offset = this.offsetOf(address);
    if (!this.kernelMayRead(offset, size)) {
      throw new BpfkitError(
        "VM002",
        `guest address 0x${address.toString(16)} (${size} bytes) is not allocated`,
      );
    }
    return offset;
  }

  /** The heap takes a new run of pages: makes sure the memory reaches there and sets the page rights. */
  #open(start: number, end: number, kind: RegionKind): void {
    if (end > this.u8.length) {
      const target = Math.min(this.maximumBytes, end + GROWTH_BYTES);
      this.memory.grow(Math.ceil((target - this.u8.length) / WASM_PAGE));
      this.u8 = new Uint8Array(this.memory.buffer);
      this.u32 = new Uint32Array(this.memory.buffer);
      this.i32 = new Int32Array(this.memory.buffer);
      this.view = new DataView(this.memory.buffer);
    }
    this.#kernelReadable.fill(kind === "user" ? 0 : 1, start / PAGE_SIZE, end / PAGE_SIZE);
  }
}
