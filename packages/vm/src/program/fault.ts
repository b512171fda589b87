/** How a running program ends when it does something a verifier would have refused. */
import { BpfkitError, type Diagnostic } from "@bpfkit/base/diagnostics";

/** The place in the user's C that an instruction comes from. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** What to try, by a word of the message. The verifier refuses such programs before they run. */
const advice: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/, a NULL pointer$/, "Test the pointer first: if (!p) return 0; lookups of absent keys give NULL."],
  [/did not end after/, "Give every loop a bound that is a constant, and recursion an end."],
  [/R\d does not point to/, "Pass the address of a variable of that size, such as &key."],
];

function adviceFor(message: string): { hint?: string } {
  const hint = advice.find(([pattern]) => pattern.test(message))?.[1];
  return hint === undefined ? {} : { hint };
}

/** A run was ended by the VM; nothing outside the program's own memory was touched. */
export class ProgramFault extends BpfkitError {
  override readonly name = "ProgramFault";
  /** Slot of the instruction. */
  readonly slot: number;
  readonly program: string;

  constructor(code: string, message: string, place: { program: string; slot: number; source?: SourceLine }) {
    const { program, slot, source } = place;
    const hint = adviceFor(message);
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
              ...hint,
            },
          ];
    super(code, `program ${program}, instruction ${slot}${where}: ${message}`, { diagnostics, ...hint });
    this.program = program;
    this.slot = slot;
  }
}
