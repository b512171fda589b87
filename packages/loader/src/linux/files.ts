/** Files of this machine that are read at offsets. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { ReadableFile } from "@bpfkit/base/kernel";

/** Opens a file; undefined where there is none or it may not be read. */
export function openFile(path: string): ReadableFile | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    // Absent, a process that has ended, or no permission: the caller has to do without.
    return undefined;
  }
  const { dev, ino, size, mtimeMs, isFile } = statOf(fd);
  const isProcfs = size === 0;
  if (!isFile) {
    closeSync(fd);
    return undefined;
  }
  return {
    identity: `${dev}:${ino}:${size}:${mtimeMs}`,
    inode: ino,
    sizeBytes: size,
    read(offset, length) {
      const most = isProcfs ? length : Math.max(0, Math.min(length, size - offset));
      const bytes = new Uint8Array(most);
      return bytes.subarray(0, readFully(fd, bytes, offset));
    },
    close() {
      closeSync(fd);
    },
  };
}

function statOf(fd: number) {
  const stat = fstatSync(fd);
  return { ...stat, mtimeMs: stat.mtimeMs, isFile: stat.isFile() };
}

function readFully(fd: number, bytes: Uint8Array, offset: number): number {
  let done = 0;
  try {
    while (done < bytes.length) {
      const count = readSync(fd, bytes, done, bytes.length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
  } catch {
    // Memory that cannot be read ends the data, as the end of a file does.
  }
  return done;
}
