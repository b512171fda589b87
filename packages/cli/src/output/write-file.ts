/** Writes a result so that nothing half-written is ever left behind. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** Writes beside the target and renames. @throws BpfkitError CL001 where the target cannot be written */
export function writeWhole(path: string, data: Uint8Array | string): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    writeFileSync(temporary, data);
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    const detail = error instanceof Error ? error.message.replace(temporary, path) : String(error);
    throw new BpfkitError("CL001", `cannot write ${path}: ${detail}`, {
      cause: error,
      hint: "Choose another place with -o.",
    });
  }
}

/** The write has failed already; whether the leftover can be removed changes nothing. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder itself is not there.
  }
}
