/** The executable mappings of a process, from the text of /proc/PID/maps (proc_pid_maps(5)). */

/** One mapping. */
export interface ProcessMapping {
  readonly start: bigint;
  readonly end: bigint;
  /** Offset in the file of its first byte. */
  readonly offset: number;
  readonly inode: number;
  /** A path without ` (deleted)`, or `[vdso]` and the like; empty for anonymous memory. */
  readonly name: string;
  readonly deleted: boolean;
}

const linePattern = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) [0-9a-f]+:[0-9a-f]+ (\d+) *(.*)$/gm;
const deletedMark = " (deleted)";

/** Executable mappings in the order of their addresses. */
export function parseProcessMaps(text: string): ProcessMapping[] {
  const mappings: ProcessMapping[] = [];
  for (const [, start, end, offset, inode, given = ""] of text.matchAll(linePattern)) {
    const deleted = given.endsWith(deletedMark);
    const name = deleted ? given.slice(0, -deletedMark.length) : given;
    mappings.push({
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      offset: Number.parseInt(offset ?? "0", 16),
      inode: Number(inode),
      // The kernel writes a newline in a name as an octal escape (seq_file_path).
      name: name.replaceAll("\\012", "\n"),
      deleted,
    });
  }
  return mappings;
}

/** The mapping that holds an address. */
export function mappingAt(mappings: readonly ProcessMapping[], address: bigint): ProcessMapping | undefined {
  let low = 0;
  let high = mappings.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((mappings[middle]?.start ?? 0n) <= address) low = middle + 1;
    else high = middle;
  }
  const found = mappings[low - 1];
  return found !== undefined && address < found.end ? found : undefined;
}
