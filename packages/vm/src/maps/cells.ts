/** Elements of hash maps in guest memory: equal cells of key and value, allocated in slabs when first needed. */
import type { AddressSpace } from "../memory/address-space.ts";
import { roundUp8 } from "./base-map.ts";

/** Slabs have about this many bytes. */
const SLAB_BYTES = 32 * 1024;

/** What a cell holds. Sizes in bytes; each value (one per CPU for per-CPU maps) starts at a multiple of 8. */
export interface CellShape {
  readonly keySize: number;
  readonly valueSize: number;
  readonly valueCount: number;
  readonly access: "read" | "write";
}

/** Numbered cells 0, 1, 2 ...; a cell's address never changes. */
export class Cells {
  readonly shape: CellShape;
  /** Distance of a cell's first value from its key, and of its values from each other. */
  readonly valueStart: number;
  readonly valueStride: number;
  readonly #memory: AddressSpace;
  readonly #stride: number;
  readonly #shift: number;
  readonly #slabs: number[] = [];

  constructor(memory: AddressSpace, shape: CellShape) {
    this.#memory = memory;
    this.shape = shape;
    // Gaps of 8 bytes behind the key and behind each value keep overruns from reaching the neighbour.
    this.valueStart = roundUp8(shape.keySize) + 8;
    this.valueStride = roundUp8(shape.valueSize) + 8;
    this.#stride = this.valueStart + this.valueStride * shape.valueCount;
    this.#shift = Math.max(0, Math.floor(Math.log2(SLAB_BYTES / this.#stride)));
  }

  /** Offset of a cell's key. The cell must have been {@link prepare}d. */
  key(cell: number): number {
    const slab = this.#slabs[cell >>> this.#shift] as number;
    return slab + (cell & ((1 << this.#shift) - 1)) * this.#stride;
  }

  /** Offset of a cell's value number `which`. */
  value(cell: number, which: number): number {
    return this.key(cell) + this.valueStart + which * this.valueStride;
  }

  /** Makes sure that a cell has memory. Cells are prepared in ascending order. */
  prepare(cell: number): void {
    while (cell >>> this.#shift >= this.#slabs.length) this.#addSlab();
  }

  /** Gives all memory back. */
  release(): void {
    for (const slab of this.#slabs.splice(0)) this.#memory.releaseOffset(slab);
  }

  #addSlab(): void {
    const count = 1 << this.#shift;
    const slab = this.#memory.allocateOffset(count * this.#stride, 8, "program");
    this.#slabs.push(slab);
    const { keySize, valueSize, valueCount, access } = this.shape;
    for (let i = 0; i < count; i++) {
      const key = slab + i * this.#stride;
      this.#memory.grant(key, keySize, "read");
      for (let v = 0; v < valueCount; v++) {
        this.#memory.grant(key + this.valueStart + v * this.valueStride, valueSize, access);
      }
    }
  }
}
