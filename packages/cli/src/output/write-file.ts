/** Writes a result so that nothing half-written is ever left behind. */
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";

/**
 * Writes beside the target and renames; links are followed, and devices and pipes are written to, never replaced.
 * @throws BpfkitError CL001 where the target cannot be written
 */
export function writeWhole(path: string, data: Uint8Array | string): void {
  const target = linkedFile(path);
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  try {
    if (isDevice(target)) {
      writeFileSync(target, data);
      return;
    }
    writeFileSync(temporary, data);
    renameSync(temporary, target);
  } catch (error) {
    removeQuietly(temporary);
    const detail = error instanceof Error ? error.message.replace(temporary, path) : String(error);
    throw new BpfkitError("CL001", `cannot write ${path}: ${detail}`, {
      cause: error,
      hint: "Choose another place with -o.",
    });
  }
}

/** The file that a link leads to; the path itself where there is nothing yet. */
function linkedFile(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Absent, or a link to nothing: the write itself says what is wrong.
    return path;
  }
}

/** True for what exists and is neither file nor folder. */
function isDevice(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

/** The write has failed already; whether the leftover can be removed changes nothing. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder itself is not there.
  }
}
