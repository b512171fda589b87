/** Reads the files that a command line names. */
import { readFileSync } from "node:fs";
import { BpfkitError } from "@bpfkit/base/diagnostics";

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "it is a folder";
  if (code === "EACCES") return "permission denied";
  return error instanceof Error ? error.message : String(error);
}

/** A file's bytes. @throws BpfkitError CL002 */
export function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new BpfkitError("CL002", `cannot read ${path}: ${reason(error)}`, { cause: error });
  }
}

/** A C file's text. @throws BpfkitError CL002 */
export function readSource(path: string): { readonly file: string; readonly text: string } {
  const bytes = readBytes(path);
  if (bytes.includes(0)) {
    throw new BpfkitError("CL002", `cannot read ${path}: it is not a text file`, {
      hint: "A compiled object is run with its .o name.",
    });
  }
  return { file: path, text: new TextDecoder().decode(bytes) };
}
