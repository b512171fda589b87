/** How a running program ends when it does something a verifier would have refused. */
import { BpfkitError, type Diagnostic } from "@bpfkit/base/diagnostics";

/** The place in the user's C that an instruction comes from. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** A run was ended by the VM; nothing outside the program's own memory was touched. */
export class ProgramFault extends BpfkitError {
  override readonly name = "ProgramFault";
  /** Slot of the instruction. */
  readonly slot: number;
  readonly program: string;

  constructor(code: string, message: string, place: { program: string; slot: number; source?: SourceLine }) {
    const { program, slot, source } = place;
    const where = source === undefined ? "" : ` (${source.file}:${source.line})`;
    const diagnostics: Diagnostic[] =
      source === undefined
        ? []
        : [
            {
              severity: "error",
              code,
              message,
              range: { file: source.file, line: source.line, column: Math.max(source.column, 1) },
              sourceLine: source.text,
            },
          ];
    super(code, `program ${program}, instruction ${slot}${where}: ${message}`, { diagnostics });
    this.program = program;
    this.slot = slot;
  }
}
