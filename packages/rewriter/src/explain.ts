/** Puts clang's words about what bpfkit injected into the user's terms: map methods, kernel headers, tracepoints. */
import { BpfkitError, type Diagnostic } from "@bpfkit/base/diagnostics";
import { libraryHeaderAdvice } from "./c-library.ts";
import { helperNames } from "./headers/helper-declarations.ts";
import { headersBeside, isKernelFolder } from "./headers/kernel-paths.ts";
import { mapMacro, mapMacros, mapType } from "./maps/macros.ts";
import { mapMethods, methodsOf } from "./maps/methods.ts";
import { adviceFor } from "./other-names.ts";
import { includeRoot, type Preparation } from "./prepare.ts";
import { nearest } from "./text/nearest.ts";

type Explained = Pick<Diagnostic, "code" | "message" | "hint">;

interface Facts {
  readonly text: string;
  readonly preparation: Preparation;
}

interface Row {
  readonly pattern: RegExp;
  readonly explain: (match: RegExpExecArray, facts: Facts) => Explained | undefined;
}

/** What clang says of programs for libbpf, too. */
const commonRows: readonly Row[] = [
  { pattern: /'([^']+)' file not found/, explain: unknownHeader },
  { pattern: /call to undeclared (?:library )?function '(\w+)'/, explain: unknownFunction },
];

const rows: readonly Row[] = [
  ...commonRows,
  { pattern: /no member named '(\w+)' in 'struct (\w+)_table_t'/, explain: unknownMethod },
  { pattern: /redefinition of '___types_of_(\w+)'/, explain: repeatedMap },
  { pattern: /no member named '(\w+)' in 'struct tracepoint__(\w+?)'/, explain: unknownField },
  { pattern: /struct tracepoint__(\w+?)'/, explain: unknownTracepoint },
  {
    pattern: /incomplete (?:definition of )?type '(?:typeof\()?(?:const )?(?:struct|union) (\w+)\)?'/,
    explain: unknownType,
  },
  { pattern: /use of undeclared identifier '(\w+)'/, explain: unknownIdentifier },
];

/** Explains one of clang's diagnostics; the same one where there is nothing to add. */
export function explainDiagnostic(
  diagnostic: Diagnostic,
  text: string,
  preparation: Preparation,
): Diagnostic {
  const isBcc = preparation.dialect === "bcc";
  const macro = isBcc
    ? (unknownMacro(diagnostic, text) ?? wrongCount(diagnostic))
    : undeclaredSection(diagnostic, text);
  if (macro !== undefined) return macro;
  for (const { pattern, explain } of isBcc ? rows : commonRows) {
    const match = pattern.exec(diagnostic.message);
    const explained = match === null ? undefined : explain(match, { text, preparation });
    if (explained !== undefined) return { ...withUsefulNotes(diagnostic), ...explained };
  }
  return (isBcc ? unreadableMacro(diagnostic, text) : undefined) ?? diagnostic;
}

/** Shows the user's line where clang shows the rewritten one: they have the same numbers. */
function withUsersLine(diagnostic: Diagnostic, text: string, file: string | undefined): Diagnostic {
  const { range, sourceLine } = diagnostic;
  if (range === undefined || range.file !== file || sourceLine === undefined) return diagnostic;
  const own = text.split(/\r?\n/)[range.line - 1];
  if (own === undefined || own === sourceLine) return diagnostic;
  const word = /^\w+/.exec(sourceLine.slice(range.column - 1))?.[0];
  const at = word === undefined ? -1 : own.search(new RegExp(`\\b${word}\\b`));
  const column = (at < 0 ? own.search(/\S|$/) : at) + 1;
  return { ...diagnostic, sourceLine: own, range: { file: range.file, line: range.line, column } };
}

/** `BPF_X(...)` at the start of a line that declares nothing: clang takes it for a function. */
function unknownMacro(diagnostic: Diagnostic, text: string): Diagnostic | undefined {
  const name = /^\s*(BPF_\w+)\s*\(/.exec(diagnostic.sourceLine ?? "")?.[1];
  if (name === undefined || diagnostic.severity !== "error" || mapMacro(name) !== undefined) return undefined;
  if (new RegExp(`#\\s*define\\s+${name}\\b`).test(text) || name === "BPF_ITER") return undefined;
  const meant = nearest(name, Object.keys(mapMacros));
  const hint = adviceFor(name) ?? (meant === undefined ? undefined : `Did you mean ${meant}?`);
  return {
    ...diagnostic,
    code: "RW013",
    message: `there is no macro ${name}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Macros of maps choose by the number of their arguments, and have no text for others: `BPF_HASH_6` stays. */
function wrongCount(diagnostic: Diagnostic): Diagnostic | undefined {
  const { notes = [], ...rest } = diagnostic;
  if (!diagnostic.message.startsWith("type specifier missing")) return undefined;
  for (const { sourceLine = "" } of notes) {
    const [, name = "", count = ""] = /^(BPF_\w+)_(\d+)$/.exec(sourceLine.trim()) ?? [];
    if (mapMacro(name) === undefined) continue;
    const arguments_ = count === "1" ? "1 argument" : `${count === "0" ? "no" : count} arguments`;
    const hint = "BCC's reference guide has its arguments: the name first, then types and sizes.";
    return { ...rest, code: "RW011", message: `${name} cannot have ${arguments_}`, hint };
  }
  return undefined;
}

/** `SEC("...")` is a macro of libbpf's: without its header clang takes it for a function, and fails all over the text. */
function undeclaredSection(diagnostic: Diagnostic, text: string): Diagnostic | undefined {
  if (diagnostic.severity !== "error" || !/\bSEC\s*\(\s*"/.test(diagnostic.sourceLine ?? ""))
    return undefined;
  if (/#\s*(?:define\s+SEC\b|include\s*[<"](?:bpf\/)?bpf_\w+\.h[>"])/.test(text)) return undefined;
  const { notes: _, ...rest } = diagnostic;
  return {
    ...rest,
    code: "RW066",
    message: "SEC is not declared",
    hint: 'Programs with SEC are written for libbpf: #include "vmlinux.h" and <bpf/bpf_helpers.h> first.',
  };
}

/** Drops places inside of bpfkit's headers, and advice to include the C library's, whose functions clang knows. */
function withUsefulNotes(diagnostic: Diagnostic): Diagnostic {
  const { notes, ...rest } = diagnostic;
  const kept = notes?.filter(isUseful) ?? [];
  return kept.length === 0 ? rest : { ...rest, notes: kept };
}

function isUseful({ message, range }: Diagnostic): boolean {
  if (range === undefined || message.startsWith("include the header <")) return false;
  return !range.file.startsWith(`${includeRoot}/`) && range.file !== "<scratch space>";
}

/** The macros that reads of kernel and user memory become. */
const readMacro = /(?:expanded from )?macro '(BPF_(?:CORE_READ|READ_KERNEL|READ_USER|PROBE_READ)\w*)'/;

/** An error inside a read that the user did not write: macros, one in the arguments of another, left no text to rewrite. */
function unreadableMacro(diagnostic: Diagnostic, text: string): Diagnostic | undefined {
  const { severity, range, notes = [] } = diagnostic;
  const name = notes.map((note) => readMacro.exec(note.message)?.[1]).find((found) => found !== undefined);
  if (severity !== "error" || range === undefined || name === undefined || text.includes(name))
    return undefined;
  const sourceLine = text.split(/\r?\n/)[range.line - 1] ?? "";
  return {
    severity,
    code: "RW036",
    message: "this reads kernel memory through macros that cannot be rewritten together",
    range: { file: range.file, line: range.line, column: sourceLine.search(/\S|$/) + 1 },
    sourceLine,
    hint: "Read the inner macro's value into a local variable first.",
  };
}

/** What a whole line is about: one error of it is enough. */
const aboutLines = new Set(["RW011", "RW013", "RW036", "RW047"]);

/** One error a line is enough where a line is explained; without SEC's header, nothing else that is said is of use. */
function withoutRepeats(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const section = diagnostics.find(({ code }) => code === "RW066");
  if (section !== undefined) return [section];
  const explained = diagnostics.filter(({ code }) => aboutLines.has(code));
  const lines = new Set(explained.map(({ range }) => range?.line));
  return diagnostics.filter(
    (diagnostic) =>
      !lines.has(diagnostic.range?.line) ||
      explained.find(({ range }) => range?.line === diagnostic.range?.line) === diagnostic,
  );
}

/**
 * Explains the errors that clang found in a program. Other errors come back as they are.
 * @param file What clang calls the text: errors in the rewritten text are shown with the user's line.
 */
export function explainError(error: unknown, text: string, preparation: Preparation, file?: string): unknown {
  if (!(error instanceof BpfkitError) || !error.code.startsWith("CC")) return error;
  const diagnostics = withoutRepeats(
    error.diagnostics.map((diagnostic) =>
      withUsersLine(explainDiagnostic(diagnostic, text, preparation), text, file),
    ),
  );
  const first = diagnostics.find((diagnostic) => diagnostic.severity === "error");
  if (first === undefined || !first.code.startsWith("RW")) {
    return diagnostics.some((diagnostic, index) => diagnostic !== error.diagnostics[index])
      ? new BpfkitError(error.code, error.message, { cause: error, diagnostics })
      : error;
  }
  return new BpfkitError(first.code, first.message, {
    cause: error,
    diagnostics,
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  });
}

function unknownMethod(match: RegExpExecArray, { text }: Facts): Explained {
  const [, method = "", map = ""] = match;
  const macro = new RegExp(`\\b(BPF_\\w+)\\s*\\((?:\\s*"\\w+"\\s*,[^;]*?)?\\s*${map}\\b`).exec(text)?.[1];
  const row = macro === undefined ? undefined : mapMacro(macro);
  const family = row?.type === undefined ? undefined : mapType(row.type)?.family;
  const names = family === undefined ? Object.keys(mapMethods) : methodsOf(family);
  const meant = nearest(method, names);
  const owner = macro === undefined ? `'${map}'` : `${macro} '${map}'`;
  const suggestion = meant === undefined ? "" : `; did you mean '${meant}'?`;
  const message = `unknown method '${method}' of ${owner}${suggestion}`;
  return { code: "RW014", message, hint: `It has: ${names.join(", ")}.` };
}

function repeatedMap(match: RegExpExecArray): Explained {
  return {
    code: "RW047",
    message: `map '${match[1]}' is declared twice`,
    hint: "Give one of them another name.",
  };
}

function unknownField(match: RegExpExecArray, { preparation }: Facts): Explained | undefined {
  const [, field = "", name = ""] = match;
  const split = name.lastIndexOf("__");
  const fields = preparation.tracepointFields(`${name.slice(0, split)}/${name.slice(split + 2)}`);
  if (fields === undefined) return undefined;
  const tracepoint = `${name.slice(0, split)}:${name.slice(split + 2)}`;
  const message = `tracepoint ${tracepoint} has no field '${field}'`;
  return { code: "RW068", message, hint: `It has: ${fields.join(", ")}.` };
}

function unknownHeader(match: RegExpExecArray): Explained | undefined {
  const [, path = ""] = match;
  const advice = libraryHeaderAdvice(path);
  if (advice !== undefined) {
    return { code: "RW067", message: `<${path}> is a header of the C library`, hint: advice };
  }
  if (!isKernelFolder(path)) return undefined;
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const name = nearest(
    path.slice(folder.length, -2),
    headersBeside(path).map((one) => one.slice(folder.length, -2)),
  );
  const meant = name === undefined ? undefined : `${folder}${name}.h`;
  const hint =
    meant === undefined
      ? "All kernel types come from BTF: the include can be left out if only types are needed."
      : `Did you mean <${meant}>?`;
  return { code: "RW060", message: `<${path}> is not a header of Linux 6.1`, hint };
}

function unknownTracepoint(match: RegExpExecArray, { preparation }: Facts): Explained | undefined {
  const name = match[1] ?? "";
  const split = name.lastIndexOf("__");
  const tracepoint = `${name.slice(0, split)}/${name.slice(split + 2)}`;
  if (split <= 0 || !preparation.unknownTracepoints.includes(tracepoint)) return undefined;
  const meant = preparation.nearestTracepoint(tracepoint);
  return {
    code: "RW061",
    message: `the kernel has no tracepoint ${tracepoint.replace("/", ":")}`,
    hint:
      meant === undefined
        ? "Tracepoints differ between kernels; choose another kernel's facts with --btf or another tracepoint."
        : `Did you mean ${meant.replace("/", ":")}?`,
  };
}

/** A structure that is only declared: the text defines it later, or the kernel's types do not hold it. */
function unknownType(match: RegExpExecArray, { text }: Facts): Explained | undefined {
  const [, name = ""] = match;
  if (name.startsWith("tracepoint__")) return undefined;
  if (new RegExp(`\\b(?:struct|union)\\s+${name}\\s*\\{`).test(text)) {
    return {
      code: "RW065",
      message: `struct ${name} is used before it is defined`,
      hint: "Move its definition in front of what uses it.",
    };
  }
  return {
    code: "RW065",
    message: `the kernel's types have no struct ${name}`,
    hint: "It may be of a module, whose types are in a file of their own, or of another kernel (--btf): declare the members that are read, with preserve_access_index.",
  };
}

function unknownFunction(match: RegExpExecArray): Explained | undefined {
  const [, name = ""] = match;
  if (name in mapMacros) return undefined;
  const helper = nearest(name, helperNames);
  return {
    code: "RW062",
    message: `'${name}' is not declared`,
    hint:
      adviceFor(name) ??
      (helper === undefined ? undefined : `Did you mean ${helper}?`) ??
      "Only BPF helpers, functions of this program and a set of the kernel's macros can be called.",
  };
}

function unknownIdentifier(match: RegExpExecArray, { text }: Facts): Explained | undefined {
  const [message, name = ""] = match;
  const method = new RegExp(`\\b${name}\\s*\\.\\s*(\\w+)\\s*\\(`).exec(text)?.[1];
  if (method !== undefined && Object.hasOwn(mapMethods, method)) {
    return {
      code: "CC001",
      message,
      hint: `If it is a map, declare it at file scope: BPF_HASH(${name}, u32);`,
    };
  }
  const advice = adviceFor(name);
  if (advice !== undefined) return { code: "RW063", message: `'${name}' is not declared`, hint: advice };
  if (!/^[A-Z][A-Z0-9_]+$/.test(name)) return undefined;
  return {
    code: "RW063",
    message: `'${name}' is not declared`,
    hint: "If it is a macro of the kernel, bpfkit does not know it: #define it in the program.",
  };
}
