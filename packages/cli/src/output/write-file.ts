/** Writes a result so that nothing half-written is ever left behind. */
import { accessSync, constants, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
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
    throw cannotWrite(path, detail, error);
  }
}

/**
 * Says before long work whether its result could be written.
 * @throws BpfkitError CL001 where the folder is absent or not writable, or the target is a folder
 */
export function requireWritable(path: string): void {
  const target = linkedFile(path);
  try {
    if (isDevice(target)) return;
    if (statSync(target, { throwIfNoEntry: false })?.isDirectory()) throw new Error("it is a folder");
    accessSync(dirname(target), constants.W_OK);
  } catch (error) {
    throw cannotWrite(path, error instanceof Error ? error.message : String(error), error);
  }
}

function cannotWrite(path: string, detail: string, cause: unknown): BpfkitError {
  return new BpfkitError("CL001", `cannot write ${path}: ${detail}`, {
    cause,
    hint: "Choose another place.",
  });
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
