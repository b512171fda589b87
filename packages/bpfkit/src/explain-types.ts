/** Makes clang's errors about kernel types short, and says whose types they are. */
import { BpfkitError, type Diagnostic } from "@bpfkit/base/diagnostics";
import { includeRoot } from "@bpfkit/rewriter";

const missingMember = /^no member named '(\w+)' in '(?:struct|union) (\w+)'/;

/**
 * An error of clang's without what happens inside bpfkit's own macros and without repetitions: BPF_CORE_READ names each
 * member twice. Errors about members of kernel types say which kernel's types they are. Other errors come back as they are.
 * @param isKernelType whether vmlinux.h, and not the program, defines a struct
 */
export function explainTypes(
  error: unknown,
  release: string,
  isKernelType: (name: string) => boolean,
): unknown {
  if (!(error instanceof BpfkitError) || error.code !== "CC001") return error;
  const seen = new Set<string>();
  const diagnostics = error.diagnostics.flatMap((diagnostic): Diagnostic[] => {
    const { range, message } = diagnostic;
    const key = `${range?.file}:${range?.line}:${range?.column} ${message}`;
    if (range !== undefined && seen.has(key)) return [];
    seen.add(key);
    return [withHint(withoutInnerNotes(diagnostic), release, isKernelType)];
  });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (first === undefined) return error;
  const place = first.range === undefined ? "" : `${first.range.file}:${first.range.line}: `;
  const more = errors.length === 1 ? "" : ` (and ${errors.length - 1} more)`;
  return new BpfkitError(error.code, `${place}${first.message}${more}`, { cause: error, diagnostics });
}

function isOwn(diagnostic: Diagnostic): boolean {
  return diagnostic.range?.file.startsWith(`${includeRoot}/`) ?? false;
}

/** Where a macro of bpfkit's expands is of no use to who wrote the call; of an error in a header of bpfkit's it is all there is. */
function withoutInnerNotes(diagnostic: Diagnostic): Diagnostic {
  if (isOwn(diagnostic) || diagnostic.notes === undefined) return diagnostic;
  const { notes, ...rest } = diagnostic;
  const kept = notes.filter((note) => !isOwn(note));
  return kept.length === 0 ? rest : { ...rest, notes: kept };
}

function withHint(
  diagnostic: Diagnostic,
  release: string,
  isKernelType: (name: string) => boolean,
): Diagnostic {
  const record = missingMember.exec(diagnostic.message)?.[2];
  if (record === undefined || diagnostic.hint !== undefined || !isKernelType(record)) return diagnostic;
  return {
    ...diagnostic,
    hint:
      `These are the types of Linux ${release}. --btf host or --btf FILE takes another kernel's; ` +
      `to read a member of another kernel, declare struct ${record}___other with it and preserve_access_index.`,
  };
}
