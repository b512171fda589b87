/** Why a kernel refused a program: the verifier's words, the C line they are about and what to try. */
import { Errno, helperById } from "@bpfkit/base/abi";
import { BpfkitError, type Diagnostic, SyscallError } from "@bpfkit/base/diagnostics";
import { VerifierRejection } from "@bpfkit/base/kernel";
import { lineOf } from "../co-re/relocation.ts";
import { type CoreOutcome, poisonDiagnostics } from "../co-re/report.ts";
import type { LinkedProgram } from "../relocate/link-program.ts";

/** A load that failed. `log` is the verifier's whole log, empty where the kernel gave none. */
export class ProgramLoadError extends BpfkitError {
  override readonly name: string = "ProgramLoadError";
  readonly program: string;
  readonly log: string;

  constructor(
    program: string,
    log: string,
    cause: unknown,
    diagnostics: readonly Diagnostic[],
    hint?: string,
  ) {
    const reason = lastWords(log) ?? (cause instanceof Error ? cause.message : String(cause));
    super("LD050", `the kernel refused program ${program}: ${reason}`, {
      cause,
      diagnostics,
      ...(hint === undefined ? {} : { hint }),
    });
    this.program = program;
    this.log = log;
  }
}

/** What a known complaint means; patterns are texts of the kernel's verifier. */
const advice: readonly (readonly [RegExp, string])[] = [
  [
    /GPL-restricted function|GPL.compatible/i,
    'The program calls a helper that is for GPL programs only. Give it a GPL-compatible licence, for example char LICENSE[] SEC("license") = "GPL";',
  ],
  [
    /invalid stack off=-|combined stack size|stack depth/,
    "The stack of a program is 512 bytes; keep big data in a per-CPU array map.",
  ],
  [
    /map_value_or_null|_or_null/,
    "Test the pointer that bpf_map_lookup_elem returned against NULL before using it.",
  ],
  [
    /invalid mem access '(inv|scalar)'/,
    "The pointer does not come from the kernel's types as far as the verifier can see; read it with bpf_probe_read_kernel.",
  ],
  [
    /back-edge|infinite loop|too large|too many states/,
    "Bound the loop by a constant, or unroll it with #pragma unroll.",
  ],
  [/R0 !read_ok/, "The program must return a value on every path."],
  [/unknown opcode/, "The kernel is too old for this instruction; build with a lower --mcpu."],
  [/jump out of range/, "The program is too big for its jumps; split it up or build with --mcpu v4."],
];

/** The error of a failed BPF_PROG_LOAD. */
export function programLoadError(
  linked: LinkedProgram,
  cause: unknown,
  outcomes: readonly CoreOutcome[],
): ProgramLoadError {
  const rejection = cause instanceof Error ? cause.cause : undefined;
  const log = rejection instanceof VerifierRejection ? rejection.log : "";
  const diagnostics: Diagnostic[] = [];
  const hints: string[] = [];
  if (log.includes("195896080")) {
    diagnostics.push(...poisonDiagnostics(outcomes));
    hints.push("A field or type that the program needs does not exist in the target kernel.");
  }
  const place = lineOfLog(linked, log);
  if (place !== undefined) diagnostics.push(place);
  for (const [pattern, hint] of advice) {
    if (pattern.test(log)) hints.push(hint);
  }
  const helper = /(?:invalid|unknown) func (?:\w*)#(\d+)/.exec(log);
  if (helper !== null && !log.includes("195896080")) {
    const name = helperById(Number(helper[1]))?.name ?? `number ${helper[1]}`;
    hints.push(`The kernel has no helper ${name} for programs of this type.`);
  }
  if (log === "" && cause instanceof SyscallError && cause.errno === Errno.EPERM) {
    hints.push("Loading programs needs root, or CAP_BPF and CAP_PERFMON.");
  }
  return new ProgramLoadError(linked.spec.name, log, cause, diagnostics, hints.join(" ") || undefined);
}

/** The last line of the log that says something of its own, not the statistics at the end. */
function lastWords(log: string): string | undefined {
  const lines = log
    .split("\n")
    .filter((line) => line !== "" && !/^(processed \d+ insns|verification time|stack depth)/.test(line));
  return lines.at(-1);
}

/** The C line of the last instruction that the log mentions. */
function lineOfLog(linked: LinkedProgram, log: string): Diagnostic | undefined {
  const mentions = [...log.matchAll(/(?:^|\n)(\d+): \(/g)];
  const slot = Number(mentions.at(-1)?.[1] ?? Number.NaN);
  const owner = linked.functions.findLast((candidate) => candidate.startSlot <= slot);
  if (owner === undefined) return undefined;
  const line = lineOf(owner.code, (slot - owner.startSlot + owner.function.slot) * 8);
  if (line === undefined) return undefined;
  return {
    severity: "error",
    code: "LD050",
    message: lastWords(log) ?? "refused here",
    range: { file: line.file, line: line.line, column: line.column },
    sourceLine: line.text,
  };
}
