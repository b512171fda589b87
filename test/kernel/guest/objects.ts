/** Names of object files that host and guest agree on. */
import { createHash } from "node:crypto";
import type { ToolProgram } from "bpfkit";

/** A file name that is the same for the same text and macros. */
export function objectName(program: ToolProgram): string {
  const { file, text, defines = [] } = program;
  return `${createHash("sha256")
    .update(JSON.stringify([file, text, defines]))
    .digest("hex")
    .slice(0, 16)}.o`;
}
