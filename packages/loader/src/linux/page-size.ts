/** The size of a page of memory: 4 KiB on x86-64, 4, 16 or 64 KiB on arm64. */
import { readFileSync } from "node:fs";

/** AT_PAGESZ of the auxiliary vector (uapi linux/auxvec.h). */
const pageSizeEntry = 6n;

/** In bytes. */
export function pageSizeBytes(): number {
  const raw = readFileSync("/proc/self/auxv");
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  for (let at = 0; at + 16 <= raw.length; at += 16) {
    if (view.getBigUint64(at, true) === pageSizeEntry) return Number(view.getBigUint64(at + 8, true));
  }
  return 4096;
}
