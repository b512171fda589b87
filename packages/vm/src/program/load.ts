/** BPF_PROG_LOAD: decode, check, resolve, and hand to an engine. */
import { NotSupportedError } from "@bpfkit/base/diagnostics";
import type { Machine } from "./machine.ts";
import type { LoadedProgram, ProgramDefinition } from "./program.ts";

/** Loads one program. */
export function loadProgram(_machine: Machine, _id: number, definition: ProgramDefinition): LoadedProgram {
  throw new NotSupportedError(`running ${definition.name}`);
}
