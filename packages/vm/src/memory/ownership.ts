/**
 * Which bytes of the guest memory programs may load and store directly.
 *
 * One byte of the table stands for 8 bytes of memory: its low nibble says how many of them, from the first on, may be
 * read, its high nibble how many may be written. Compiled programs test the table in line; this file is the slow,
 * exact form that the interpreter and the helpers use, and the only place that changes the table. The table lies at
 * the start of the linear memory itself, where nobody has access.
 */
import { OWNERSHIP_SHIFT } from "./layout.ts";

/** What programs may do with a range. */
export type ProgramAccess = "none" | "read" | "write";

/** Table byte of 8 fully readable, and of 8 fully readable and writable, bytes. */
const FULL = { none: 0x00, read: 0x08, write: 0x88 } as const;

/**
 * Sets the access of [offset, offset + size). `offset` must be a multiple of 8; the rest of the last, partly covered
 * granule becomes inaccessible.
 */
export function setProgramAccess(
  memory: Uint8Array,
  offset: number,
  size: number,
  access: ProgramAccess,
): void {
  const first = offset >>> OWNERSHIP_SHIFT;
  const whole = size >>> OWNERSHIP_SHIFT;
  memory.fill(FULL[access], first, first + whole);
  const rest = size & 7;
  if (rest === 0) return;
  memory[first + whole] = access === "none" ? 0 : access === "read" ? rest : rest | (rest << 4);
}

/** True where every byte of [offset, offset + size) has the access; `shift` selects the nibble: 0 read, 4 write. */
function allowed(memory: Uint8Array, offset: number, size: number, shift: number): boolean {
  let granule = offset >>> OWNERSHIP_SHIFT;
  // Bytes of the current granule, from its start, that the range needs.
  let needed = (offset & 7) + size;
  while (needed > 8) {
    if ((((memory[granule] ?? 0) >>> shift) & 15) !== 8) return false;
    granule++;
    needed -= 8;
  }
  return needed <= (((memory[granule] ?? 0) >>> shift) & 15);
}

/** May programs read the whole range? `size` 0 asks nothing and is true. */
export function isReadable(memory: Uint8Array, offset: number, size: number): boolean {
  return size === 0 || allowed(memory, offset, size, 0);
}

/** May programs write the whole range? `size` 0 asks nothing and is true. */
export function isWritable(memory: Uint8Array, offset: number, size: number): boolean {
  return size === 0 || allowed(memory, offset, size, 4);
}
