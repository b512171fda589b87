/** The user half of one process: virtual pages backed by pages of the guest memory. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { AddressSpace } from "./address-space.ts";
import { PAGE_SIZE, USER_ADDRESS_END } from "./layout.ts";

/** Number of the page that holds the address given as two 32-bit words. */
function pageNumber(low: number, high: number): number {
  return (high >>> 0) * 0x10_0000 + (low >>> 12);
}

/** Page tables of one simulated process. Pages are private and start out zero. */
export class UserSpace {
  readonly #space: AddressSpace;
  /** Virtual page number -> linear memory offset of the page. */
  readonly #pages = new Map<number, number>();

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  /** Maps every page that overlaps [address, address + length); pages already mapped are kept as they are. */
  map(address: bigint, length: number): void {
    const end = address + BigInt(length);
    if (address < BigInt(PAGE_SIZE) || end > USER_ADDRESS_END) {
      throw new BpfkitError("VM003", `0x${address.toString(16)} is not a user address that can be mapped`);
    }
    for (let page = Number(address >> 12n); page <= Number((end - 1n) >> 12n); page++) {
      if (!this.#pages.has(page)) {
        this.#pages.set(page, this.#space.allocateOffset(PAGE_SIZE, PAGE_SIZE, "user"));
      }
    }
  }

  /** Maps what is missing and copies `bytes` there. */
  store(address: bigint, bytes: Uint8Array): void {
    this.map(address, Math.max(bytes.length, 1));
    let done = 0;
    while (done < bytes.length) {
      const at = address + BigInt(done);
      const inPage = Number(at & 0xfffn);
      const size = Math.min(bytes.length - done, PAGE_SIZE - inPage);
      const page = this.#pages.get(Number(at >> 12n)) ?? 0;
      this.#space.u8.set(bytes.subarray(done, done + size), page + inPage);
      done += size;
    }
  }

  /** Removes the pages that overlap the range; reads of them fault from then on. */
  unmap(address: bigint, length: number): void {
    const end = address + BigInt(length);
    for (let page = Number(address >> 12n); page <= Number((end - 1n) >> 12n); page++) this.#drop(page);
  }

  /** Removes every page, as at the end of the process. */
  release(): void {
    for (const page of [...this.#pages.keys()]) this.#drop(page);
  }

  /** Linear offset of the byte at an address given as two words; 0 where nothing is mapped. */
  translate(low: number, high: number): number {
    const page = this.#pages.get(pageNumber(low, high));
    return page === undefined ? 0 : page + (low & 0xfff);
  }

  #drop(page: number): void {
    const offset = this.#pages.get(page);
    if (offset === undefined) return;
    this.#pages.delete(page);
    this.#space.releaseOffset(offset);
  }
}
