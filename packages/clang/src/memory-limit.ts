/** Lowers the memory maximum that a WebAssembly module declares, so that a run cannot take all of the machine's memory. */
import { InternalError } from "@bpfkit/base/diagnostics";

const PageSize = 65536;
const MemorySectionId = 5;

/**
 * Overwrites, in place, the maximum of the module's own memory. Nothing moves: the number is written with as many bytes as
 * it had (LEB128 allows padding).
 * @param limitBytes rounded up to whole pages of 64 KiB, never below the module's initial size and never above its own maximum
 */
export function limitMemory(module: Uint8Array, limitBytes: number): void {
  let offset = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = module[offset++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new InternalError("a number in the clang module is too long");
  };
  while (offset < module.length) {
    const id = module[offset++];
    const size = number();
    if (id !== MemorySectionId) {
      offset += size;
      continue;
    }
    const count = number();
    const flags = number();
    const minimum = number();
    // Bit 0: a maximum follows. Shared and 64-bit memories have other bits.
    if (count !== 1 || flags !== 1) break;
    const start = offset;
    const maximum = number();
    let pages = Math.max(minimum, Math.min(maximum, Math.ceil(limitBytes / PageSize)));
    for (let at = start; at < offset; at++) {
      const more = at + 1 < offset ? 0x80 : 0;
      module[at] = (pages % 128) + more;
      pages = Math.floor(pages / 128);
    }
    return;
  }
  throw new InternalError("the clang module declares no memory with a maximum");
}
