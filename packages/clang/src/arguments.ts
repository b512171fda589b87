/** The arguments of clang's compiler proper (`-cc1`) for each of our three runs, and the reason for each. */
import { FreestandingFolder } from "./freestanding-headers.ts";
import { SystemRoot } from "./virtual-files.ts";

/** A BPF instruction set version, as clang's -mcpu. */
export type BpfCpu = "v1" | "v2" | "v3" | "v4";

/** How hard to optimise, as clang's -O. Code of level 0 keeps every variable on the stack: the verifier takes little of it. */
export type OptimisationLevel = 0 | 1 | 2 | 3 | "s" | "z";

/** What a run over C text needs to know. */
export interface SourceArguments {
  readonly mainFile: string;
  readonly includeDirs: readonly string[];
  readonly preIncludes: readonly string[];
  readonly defines: readonly string[];
  /** Virtual path -> the name that debug information and macros use for it. */
  readonly renamedFiles: ReadonlyMap<string, string>;
  readonly cpu: BpfCpu;
  readonly optLevel: OptimisationLevel;
}

/** Arguments that make the JSON AST on standard output. */
export function astArguments(source: SourceArguments): string[] {
  return [...frontEnd(source), "-fsyntax-only", "-ast-dump=json", "-x", "c", source.mainFile];
}

/** Arguments that make unoptimised IR on standard output, but IR as clang emits it for a later optimisation. */
export function irArguments(source: SourceArguments): string[] {
  return [
    ...frontEnd(source),
    ...codeGeneration(source.cpu, source.optLevel),
    // Types that a function only mentions are dropped; those it uses are complete.
    "-debug-info-kind=constructor",
    "-dwarf-version=5",
    // The same text gives the same object on any machine.
    "-fdebug-compilation-dir=.",
    ...[...source.renamedFiles].map(([path, name]) => `-fdebug-prefix-map=${path}=${name}`),
    // CO-RE accesses have to be lowered before the optimiser may merge or sink them.
    "-disable-llvm-passes",
    "-emit-llvm",
    ...["-o", "-", "-x", "c", source.mainFile],
  ];
}

/** Arguments that optimise IR to IR on standard output. */
export function optimiserArguments(file: string, cpu: BpfCpu, optLevel: OptimisationLevel): string[] {
  return [
    ...start,
    ...diagnosticsFormat,
    ...codeGeneration(cpu, optLevel),
    "-emit-llvm",
    "-o",
    "-",
    "-x",
    "ir",
    file,
  ];
}

/** Names all of the choices in this file, so that results can be cached under them. */
export function argumentsFingerprint(): string {
  const source: SourceArguments = {
    mainFile: "main.c",
    includeDirs: [SystemRoot, "i"],
    preIncludes: ["p"],
    defines: ["D=1"],
    renamedFiles: new Map([["a", "b"]]),
    cpu: "v3",
    optLevel: 2,
  };
  const text = [...astArguments(source), ...irArguments(source), ...optimiserArguments("f", "v3", 2)].join(
    "\n",
  );
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** The triple is the only BPF this clang has; it lacks the BPF back end, but knows the target's types and builtins. */
const start = ["-cc1", "-triple", "bpfel"];

/** Messages in a form that a program can read: see diagnostics.ts. */
const diagnosticsFormat = [
  "-fdiagnostics-print-source-range-info",
  "-fdiagnostics-parseable-fixits",
  "-fno-diagnostics-show-line-numbers",
  "-fcaret-diagnostics-max-lines=1",
  "-fmessage-length=0",
  ...["-ftabstop", "1"],
  ...["-ferror-limit", "19"],
  "-fmacro-backtrace-limit=6",
];

/** Warnings that kernel-style C would drown in. The choice is BCC's. */
const warnings = [
  "address-of-packed-member",
  // BPF_CORE_READ of a const member: its value is read into the object after the declaration.
  "default-const-init-var-unsafe",
  "deprecated-declarations",
  "duplicate-decl-specifier",
  "gnu-variable-sized-type-not-at-end",
  "microsoft-anon-tag",
  "pointer-sign",
  "pragma-once-outside-header",
  "stack-exhausted",
  "unknown-warning-option",
  "unused-value",
].map((name) => `-Wno-${name}`);

/** Errors of today's clang that are warnings to the users of BCC, whose programs rely on it. */
const leniency = ["incompatible-pointer-types", "int-conversion", "return-mismatch"].map(
  (name) => `-Wno-error=${name}`,
);

/** What decides the meaning of the C text: the same for AST and IR. */
function frontEnd(source: SourceArguments): string[] {
  return [
    ...start,
    ...diagnosticsFormat,
    ...warnings,
    ...leniency,
    ...["-target-cpu", source.cpu],
    `-O${source.optLevel}`,
    // -cc1 does not have the driver's defaults: the dialect of gcc 4.2 that kernel headers expect.
    "-std=gnu17",
    "-fgnuc-version=4.2.1",
    // Named members of anonymous structs through typedefs, as BCC allows.
    "-fms-extensions",
    // The parser recurses: a limit with a message instead of a used-up stack.
    ...["-fbracket-depth", "256"],
    ...["-nobuiltininc", "-nostdsysteminc"],
    ...source.defines.flatMap((define) => ["-D", define]),
    ...source.includeDirs.flatMap((folder) => [folder.startsWith(SystemRoot) ? "-isystem" : "-I", folder]),
    ...["-internal-isystem", FreestandingFolder],
    ...source.preIncludes.flatMap((file) => ["-include", file]),
  ];
}

/** What decides the shape of the code: the same for the IR run and for the optimiser. */
function codeGeneration(cpu: BpfCpu, optLevel: OptimisationLevel): string[] {
  const llvm = [
    // These merge code of several branches, and the verifier then no longer sees what each branch proved.
    "-sink-common-insts=false",
    "-simplifycfg-hoist-common=false",
    "-enable-pre=false",
    // This clang has no BPF back end to ask what things cost. Selects are dear there, so that what several hang on stays
    // branches, whose conditions the verifier sees;
    "-two-entry-phi-node-folding-threshold=3",
    // addresses of two registers are not free, so that functions with many accesses look smaller here than they are;
    "-inlinehint-threshold=275",
    // and a loop of sixteen rounds over a handful of instructions stays a loop.
    "-unroll-threshold-default=125",
  ];
  return [
    `-O${optLevel}`,
    ...["-target-cpu", cpu],
    "-fno-jump-tables",
    "-mframe-pointer=all",
    // Else the optimiser may not raise the alignment of variables.
    ...["-mrelocation-model", "static"],
    // The process ends anyway.
    "-disable-free",
    ...llvm.flatMap((option) => ["-mllvm", option]),
  ];
}
