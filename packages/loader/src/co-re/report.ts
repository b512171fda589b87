/** What CO-RE did to a program, and the words for accesses that the target kernel cannot serve. */
import type { Diagnostic } from "@bpfkit/base/diagnostics";
import type { LineInfo } from "@bpfkit/elf/btf";

/** One relocation's outcome. */
export interface CoreOutcome {
  /** Slot in the linked program. */
  readonly slot: number;
  readonly functionName: string;
  /** The C access: `struct task_struct.signal`. */
  readonly access: string;
  /** What was asked: `field offset`. */
  readonly question: string;
  readonly result: "patched" | "poisoned";
  /** The number written, where patched. */
  readonly value: bigint | undefined;
  /** Why poisoned. */
  readonly reason: string | undefined;
  /** The C line, where the object has line info. */
  readonly line: LineInfo | undefined;
}

/** The poisoned accesses as notes for an error of the load. */
export function poisonDiagnostics(outcomes: readonly CoreOutcome[]): Diagnostic[] {
  return outcomes
    .filter((outcome) => outcome.result === "poisoned")
    .map((outcome) => ({
      severity: "error" as const,
      code: "LD042",
      message: `${outcome.access}: ${outcome.reason ?? "not there"} (${outcome.question})`,
      ...(outcome.line === undefined
        ? {}
        : {
            range: { file: outcome.line.file, line: outcome.line.line, column: outcome.line.column },
            sourceLine: outcome.line.text,
          }),
      hint: "Guard the access with bpf_core_field_exists(), or use the field's name on that kernel through a ___flavour.",
    }));
}
