/** Why a kernel refused a program: the C line, the reason in words, what to try, and the verifier's own words. */
import { attachTypeName, attachTypeSince, Errno } from "@bpfkit/base/abi";
import { BpfkitError, type Diagnostic, SyscallError } from "@bpfkit/base/diagnostics";
import { VerifierRejection } from "@bpfkit/base/kernel";
import { lineOf } from "../co-re/relocation.ts";
import { type CoreOutcome, poisonDiagnostics } from "../co-re/report.ts";
import type { LinkedProgram } from "../relocate/link-program.ts";
import type { ProgramSpec } from "../spec/program-spec.ts";
import { type Explanation, explainLog } from "../verifier/explain.ts";
import { logEnd } from "../verifier/verifier-log.ts";

/** A load that failed. `log` is the verifier's whole log, empty where the kernel gave none. */
export class ProgramLoadError extends BpfkitError {
  override readonly name: string = "ProgramLoadError";
  readonly program: string;
  readonly log: string;
  /** The kind of complaint, a name of the table in verifier/complaints.ts; undefined for others. */
  readonly kind: string | undefined;

  constructor(
    program: string,
    message: string,
    facts: {
      readonly log: string;
      readonly kind: string | undefined;
      readonly cause: unknown;
      readonly diagnostics: readonly Diagnostic[];
      readonly hint: string | undefined;
    },
  ) {
    const { log, kind, cause, diagnostics, hint } = facts;
    super("LD050", message, { cause, diagnostics, ...(hint === undefined ? {} : { hint }) });
    this.program = program;
    this.log = log;
    this.kind = kind;
  }
}

/** The number that libbpf calls where CO-RE found nothing: 0xbad2310. */
const poison = "195896080";

/** The error of a failed BPF_PROG_LOAD. */
export function programLoadError(
  linked: LinkedProgram,
  cause: unknown,
  outcomes: readonly CoreOutcome[],
): ProgramLoadError {
  const rejection = cause instanceof Error ? cause.cause : undefined;
  const log = rejection instanceof VerifierRejection ? rejection.log : "";
  const program = linked.spec.name;
  if (log.includes(`#${poison}`)) return poisoned(program, log, cause, outcomes);
  const explained = explainLog(log);
  if (explained === undefined) return unexplained(linked.spec, log, cause);
  const { kind, reason, words, advice: hint } = explained;
  const why = reason === undefined ? words : `${reason} (${words})`;
  const message = `the kernel refused program ${program}: ${why}`;
  const place = placeOf(linked, explained, message);
  const diagnostics = place === undefined ? [] : [place];
  return new ProgramLoadError(program, message, { log, kind, cause, diagnostics, hint });
}

/** The program needs something of the kernel's types that is not there. */
function poisoned(
  program: string,
  log: string,
  cause: unknown,
  outcomes: readonly CoreOutcome[],
): ProgramLoadError {
  const message = `the kernel refused program ${program}: a field or type that it needs does not exist in this kernel`;
  const hint = "Each is named below. Guard it, or build for this kernel's types: --btf host.";
  // Guarded accesses are poisoned, too, but the verifier does not reach them.
  const { lastSlot } = logEnd(log);
  const reached = outcomes.filter(({ slot }) => slot === lastSlot);
  const diagnostics = poisonDiagnostics(reached.length > 0 ? reached : outcomes);
  return new ProgramLoadError(program, message, { log, kind: "missing_field", cause, diagnostics, hint });
}

/** No log, or none that complains. */
function unexplained(spec: ProgramSpec, log: string, cause: unknown): ProgramLoadError {
  const program = spec.name;
  const why = cause instanceof Error ? cause.message : String(cause);
  const errno = cause instanceof SyscallError ? cause.errno : 0;
  const hint = (errno === Errno.EINVAL ? newerThanKernel(spec) : undefined) ?? errnoHints.get(errno);
  const message = `the kernel refused program ${program}: ${why}`;
  return new ProgramLoadError(program, message, { log, kind: undefined, cause, diagnostics: [], hint });
}

/** Says of an attach type when it came, for those that not every supported kernel knows. */
function newerThanKernel({ expectedAttachType, section }: ProgramSpec): string | undefined {
  const since = attachTypeSince(expectedAttachType);
  if (since === undefined) return undefined;
  return `SEC("${section}") is of attach type ${attachTypeName(expectedAttachType)}, which came with Linux ${since}; \`bpfkit feature\` shows what this kernel knows.`;
}

/** What BPF_PROG_LOAD answers without saying why (kernel/bpf/syscall.c). */
const errnoHints: ReadonlyMap<number, string> = new Map([
  [
    Errno.EPERM,
    "Loading programs needs root, or CAP_BPF and, for tracing, CAP_PERFMON; a security module or seccomp may forbid it, too.",
  ],
  [
    Errno.EINVAL,
    "The kernel does not know this type of program, attach type or a flag of it; `bpfkit feature` shows what it knows.",
  ],
  [Errno.E2BIG, "The program has more instructions than this kernel takes: 4096 before Linux 5.2."],
  [Errno.ENOMEM, "Memory for the program cannot be had; before Linux 5.11 RLIMIT_MEMLOCK limits it."],
]);

/** The C line of the instruction that the complaint is about. */
function placeOf(
  linked: LinkedProgram,
  { slot, advice }: Explanation,
  message: string,
): Diagnostic | undefined {
  if (slot === undefined) return undefined;
  const owner = linked.functions.findLast((candidate) => candidate.startSlot <= slot);
  if (owner === undefined) return undefined;
  const line = lineOf(owner.code, (slot - owner.startSlot + owner.function.slot) * 8);
  if (line === undefined) return undefined;
  return {
    severity: "error",
    code: "LD050",
    message,
    range: { file: line.file, line: line.line, column: line.column },
    sourceLine: line.text,
    ...(advice === undefined ? {} : { hint: advice }),
  };
}
