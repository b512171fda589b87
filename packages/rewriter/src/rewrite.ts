/** BCC-style C in, libbpf-style C out: finds what to change in the AST, edits the text by offsets. */

import type { Diagnostic } from "@bpfkit/base/diagnostics";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { KernelProfile } from "@bpfkit/base/kernel";
import { Declarations } from "./ast/declarations.ts";
import { ExtentFinder } from "./ast/extent.ts";
import { type AstNode, childrenOf } from "./ast/node.ts";
import { expansionOf, plainPath, resolveFiles, spellingOf } from "./ast/source-location.ts";
import { depthOf, rewriteBodies } from "./bodies.ts";
import { dialectOf } from "./dialect.ts";
import { licenseFooter } from "./license.ts";
import { mapDefinition } from "./maps/definition.ts";
import { type FoundMap, findEvents, findMaps } from "./maps/find-maps.ts";
import { PointerAnalysis } from "./memory/pointer-analysis.ts";
import type { Explanation } from "./memory/probe-read.ts";
import type { Preparation } from "./prepare.ts";
import { type ProbeDeclaration, rewritePrograms } from "./probes/programs.ts";
import { type Finding, Report } from "./report.ts";
import { decodeOffsets, encodeOffsets } from "./text/byte-text.ts";
import { TextEdits } from "./text/edits.ts";
import { isIdentifierPart, nextToken, tokens } from "./text/scan.ts";

/** A program to rewrite. */
export interface RewriteRequest {
  /** Name of the text as clang was given it. */
  readonly file: string;
  readonly text: string;
  /** Clang's JSON AST of the text with the preludes of {@link prepareForAst}. Places in it get their file names. */
  readonly ast: unknown;
  /** Headers of the user's, by the names clang was given: they may hold BCC constructs too. Default: the preparation's. */
  readonly userHeaders?: ReadonlyMap<string, string>;
  /** The kernel to build for; its architecture decides how system calls are named. */
  readonly profile?: Pick<KernelProfile, "architecture">;
  /** What {@link prepareForAst} gave. */
  readonly preparation?: Preparation;
  /** `NAME=VALUE` definitions that clang was given. */
  readonly defines?: readonly string[];
}

/** A rewritten program. */
export interface RewriteResult {
  /** Has the lines of the original, and the license behind them. */
  readonly text: string;
  /** User headers that changed. */
  readonly headers: ReadonlyMap<string, string>;
  readonly maps: readonly RewrittenMap[];
  readonly probes: readonly ProbeDeclaration[];
  /** Warnings. */
  readonly diagnostics: readonly Diagnostic[];
  /** What was rewritten and why, in the order of the text. */
  readonly explanations: readonly PlacedExplanation[];
}

/** Why one piece of the text was rewritten. */
export interface PlacedExplanation {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** As the user wrote it. */
  readonly expression: string;
  readonly reason: string;
}

/** A map of the program. */
export interface RewrittenMap {
  readonly name: string;
  /** BCC's type string. */
  readonly type: string;
  readonly macro: string;
  /** C type of its records, for perf and ring buffers. */
  readonly event?: string;
}

/** Deepest nesting of an AST that is walked: values are followed recursively. Clang itself allows 256 brackets. */
const deepest = 2000;

/**
 * Rewrites a program written for BCC. Texts in libbpf's dialect come back unchanged.
 * @throws BpfkitError RW0xx with diagnostics for what is not supported.
 */
export function rewrite(request: RewriteRequest): RewriteResult {
  if ((request.preparation?.dialect ?? dialectOf(request.text)) === "libbpf") {
    return {
      text: request.text,
      headers: new Map(),
      maps: [],
      probes: [],
      diagnostics: [],
      explanations: [],
    };
  }
  return new Rewriter(request).run();
}

class Rewriter {
  readonly #request: RewriteRequest;
  readonly #root: AstNode;
  readonly #file: string;
  readonly #userHeaders: ReadonlyMap<string, string>;
  /** One character per byte: clang counts bytes. */
  readonly #texts = new Map<string, string>();
  readonly #edits = new Map<string, TextEdits>();
  readonly #declarations: Declarations;
  readonly #report: Report;

  constructor(request: RewriteRequest) {
    this.#request = request;
    this.#root = request.ast as AstNode;
    if (depthOf(this.#root) > deepest) {
      throw new BpfkitError("RW002", "the program nests too deeply to be rewritten");
    }
    resolveFiles(this.#root);
    this.#file = plainPath(request.file);
    this.#userHeaders = request.userHeaders ?? request.preparation?.userHeaders ?? new Map();
    for (const [name, text] of this.#userHeaders) this.#texts.set(plainPath(name), encodeOffsets(text));
    this.#texts.set(this.#file, encodeOffsets(request.text));
    for (const [name, text] of this.#texts) this.#edits.set(name, new TextEdits(text));
    this.#declarations = new Declarations(this.#root, (file) => this.#texts.has(file));
    const names = [request.file, ...this.#userHeaders.keys()];
    this.#report = new Report(this.#texts, new Map(names.map((name) => [plainPath(name), name])));
  }

  run(): RewriteResult {
    const refuse = (finding: Finding, file: string, offset: number): void =>
      this.#report.add(finding, file, offset);
    this.#refuseLicenseDefinition();
    const maps = findMaps(
      this.#declarations,
      this.#root,
      this.#texts,
      (token) => this.#macroText(token),
      refuse,
    );
    this.#warnOfAbsentTracepoints();
    const names = new Set(maps.keys());
    const events = findEvents(this.#declarations, names);
    this.#defineMaps(maps, events);
    const probes = rewritePrograms(this.#declarations, {
      texts: this.#texts,
      edits: this.#edits,
      architecture: this.#request.profile?.architecture ?? "x86_64",
      refuse,
    });
    const explanations: Explanation[] = this.#explainHeads(maps, probes);
    rewriteBodies({
      declarations: this.#declarations,
      analysis: new PointerAnalysis(this.#declarations, names),
      extents: new ExtentFinder(this.#texts, this.#macroNames()),
      texts: this.#texts,
      edits: this.#edits,
      maps,
      explanations,
      report: (finding, node) => this.#reportAt(finding, node),
    });
    this.#rewriteKeyAndLeaf(names);
    this.#report.throwIfFailed();
    return this.#result(maps, events, probes, explanations);
  }

  /** A license that a command line gives is not the program's: the text alone says what it may call. */
  #refuseLicenseDefinition(): void {
    if (this.#request.defines?.some((define) => /^BPF_LICENSE\b/.test(define)) !== true) return;
    const message = "BPF_LICENSE cannot be specified through cflags";
    this.#report.add({ code: "RW070", message, hint: "#define it in the text." }, this.#file, 0);
  }

  /** The object builds; attaching it to the kernel that was built for will fail. */
  #warnOfAbsentTracepoints(): void {
    const { preparation } = this.#request;
    for (const [tracepoint, where] of preparation?.absentTracepoints ?? []) {
      this.#warnOfTracepoint(tracepoint, `: ${where}`, undefined);
    }
    for (const tracepoint of preparation?.unknownTracepoints ?? []) {
      const near = preparation?.nearestTracepoint(tracepoint);
      this.#warnOfTracepoint(
        tracepoint,
        "",
        near === undefined ? undefined : `did you mean ${near.replace("/", ":")}?`,
      );
    }
  }

  #warnOfTracepoint(tracepoint: string, where: string, hint: string | undefined): void {
    const message = `the kernel has no tracepoint ${tracepoint.replace("/", ":")}${where}`;
    const event = tracepoint.slice(tracepoint.indexOf("/") + 1);
    for (const [file, text] of this.#texts) {
      const found = new RegExp(`\\b(?:\\w+__)?${event}\\b`).exec(text);
      const finding = {
        code: "RW064",
        message,
        severity: "warning",
        ...(hint === undefined ? {} : { hint }),
      } as const;
      if (found !== null) this.#report.add(finding, file, found.index);
    }
  }

  #result(
    maps: ReadonlyMap<string, FoundMap>,
    events: ReadonlyMap<string, string>,
    probes: readonly ProbeDeclaration[],
    explanations: readonly Explanation[],
  ): RewriteResult {
    const main = decodeOffsets(this.#edits.get(this.#file)?.apply() ?? "");
    const headers = new Map<string, string>();
    for (const name of this.#userHeaders.keys()) {
      const edits = this.#edits.get(plainPath(name));
      if (edits !== undefined && !edits.isEmpty) headers.set(name, decodeOffsets(edits.apply()));
    }
    return {
      text: main + licenseFooter(this.#request.text, this.#declarations.variables),
      headers,
      maps: [...maps.values()].map(({ declaration: { name, type, macro } }) => {
        const event = events.get(name);
        return { name, type, macro, ...(event === undefined ? {} : { event }) };
      }),
      probes,
      diagnostics: this.#report.diagnostics,
      explanations: this.#placed(explanations),
    };
  }

  /** Maps and programs: what their macros and names stand for. */
  #explainHeads(maps: ReadonlyMap<string, FoundMap>, probes: readonly ProbeDeclaration[]): Explanation[] {
    const ofMaps = [...maps.values()].map(({ declaration: { extent, name, type } }) => ({
      file: extent.file,
      offset: extent.start,
      expression: (this.#texts.get(extent.file) ?? "").slice(extent.start, extent.end),
      reason: `${name} is a map of BCC's type ${type}`,
    }));
    const ofPrograms = probes.map(({ file, offset, name, section, isAttached }) => ({
      file,
      offset,
      expression: name,
      reason: isAttached
        ? `its name says what it is attached to: section ${section}`
        : `a program that is attached by a call: section ${section}, by its context and by what it calls`,
    }));
    return [...ofMaps, ...ofPrograms];
  }

  /** With lines, in order, each once: arguments of macros are met once per use. */
  #placed(explanations: readonly Explanation[]): PlacedExplanation[] {
    const sorted = [...explanations].sort((a, b) =>
      a.file === b.file ? a.offset - b.offset : a.file < b.file ? -1 : 1,
    );
    const seen = new Set<string>();
    return sorted.flatMap(({ file, offset, expression, reason }) => {
      const key = `${file}:${offset}:${expression}`;
      if (seen.has(key)) return [];
      seen.add(key);
      const before = (this.#texts.get(file) ?? "").slice(0, offset);
      const start = before.lastIndexOf("\n") + 1;
      const line = before.split("\n").length;
      const written = decodeOffsets(expression.replace(/\s*\n\s*/g, " "));
      return [{ file, line, column: offset - start + 1, expression: written, reason }];
    });
  }

  #reportAt(finding: Finding, node: AstNode): void {
    const spelled = spellingOf(node.range?.begin);
    const place =
      spelled !== undefined && this.#texts.has(spelled.file) ? spelled : expansionOf(node.range?.begin);
    this.#report.add(finding, place?.file ?? this.#file, place?.offset ?? 0);
  }

  /** Whether a name is that of a macro of the program, of the command line or of the kernel's headers. */
  #macroNames(): (name: string) => boolean {
    const { preparation, defines = [] } = this.#request;
    const names = new Set(defines.map((define) => define.replace(/=.*$/s, "")));
    const headers = preparation?.headers.get("bcc/kernel-macros.h") ?? "";
    for (const text of [...this.#texts.values(), headers])
      for (const match of text.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)/gm)) names.add(match[1] as string);
    return (name) => names.has(name);
  }

  /** The text of an object-like macro of the program or of the command line. */
  #macroText(name: string): string | undefined {
    if (!/^\w+$/.test(name)) return undefined;
    const define = this.#request.defines?.find((entry) => entry.startsWith(`${name}=`));
    if (define !== undefined) return define.slice(name.length + 1);
    const pattern = new RegExp(`^[ \\t]*#[ \\t]*define[ \\t]+${name}[ \\t]+(.*?)[ \\t]*$`, "m");
    for (const text of this.#texts.values()) {
      const match = pattern.exec(text);
      if (match !== null) return match[1];
    }
    return undefined;
  }

  /** Puts definitions where the macros were, or behind the event's structure where that comes later. */
  #defineMaps(maps: ReadonlyMap<string, FoundMap>, events: ReadonlyMap<string, string>): void {
    for (const { declaration, keyType, valueType } of maps.values()) {
      const { extent, name, type } = declaration;
      const edits = this.#edits.get(extent.file);
      const text = this.#texts.get(extent.file) ?? "";
      if (type === "histogram" && !/^unsigned long(?: long)?$/.test(valueType)) {
        const message = `histogram leaf type must be u64, got ${valueType}`;
        this.#report.add({ code: "RW018", message }, extent.file, extent.start);
        continue;
      }
      const empty = [keyType, valueType].find((typeName) => this.#isEmpty(typeName));
      if (empty !== undefined) {
        const message = `invalid zero-sized ${empty === keyType ? "key" : "leaf"} of map '${name}'`;
        this.#report.add({ code: "RW020", message }, extent.file, extent.start);
        continue;
      }
      const event = events.get(name);
      const definition = mapDefinition(declaration, {
        keyIsInt: keyType === "int",
        ...(event === undefined ? {} : { event }),
      });
      const start = withoutStatic(text, extent.start);
      const later = event === undefined ? undefined : this.#endOfRecord(event, extent.file);
      if (later !== undefined && later > extent.start) {
        edits?.replace(start, extent.end, "");
        edits?.insert(later, ` ${definition};`);
      } else {
        edits?.replace(start, extent.end, definition);
      }
    }
  }

  /** True for a structure of the program's without members. */
  #isEmpty(type: string): boolean {
    const tag = /^(?:struct|union) (\w+)$/.exec(type)?.[1];
    const record = tag === undefined ? undefined : this.#declarations.ownRecords.get(tag);
    return record !== undefined && !childrenOf(record).some(({ kind }) => kind === "FieldDecl");
  }

  /** Offset behind the declaration that completes a type, in the same file. */
  #endOfRecord(type: string, file: string): number | undefined {
    const text = this.#texts.get(file);
    const name = type.replace(/^(?:struct|union) /, "");
    let end: number | undefined;
    for (const node of childrenOf(this.#root)) {
      const isIt =
        node.name === name &&
        (node.kind === "TypedefDecl" || (node.kind === "RecordDecl" && node.completeDefinition));
      const place = isIt ? expansionOf(node.range?.end) : undefined;
      if (place?.file === file) end = place.end;
    }
    if (text === undefined || end === undefined) return undefined;
    let token = nextToken(text, end);
    while (token !== undefined && token.text !== ";") token = nextToken(text, token.end);
    return token?.end;
  }

  /** `typeof(counts.leaf)`: types do not show in the AST, so this looks at tokens. */
  #rewriteKeyAndLeaf(maps: ReadonlySet<string>): void {
    if (maps.size === 0) return;
    const pattern = /\b(\w+)\s*\.\s*(?:leaf|key)\b/;
    for (const [file, text] of this.#texts) {
      if (!pattern.test(text)) continue;
      const last = [...tokens(text)];
      last.forEach((token, index) => {
        const [dot, member] = [last[index + 1], last[index + 2]];
        const before = last[index - 1]?.text;
        if (!maps.has(token.text) || dot?.text !== "." || before === "." || before === "->") return;
        if (member?.text !== "leaf" && member?.text !== "key") return;
        const name = member.text === "leaf" ? "value" : "key";
        this.#edits.get(file)?.replace(token.start, member.end, `(*${token.text}.${name})`);
      });
    }
  }
}

/** BCC lets `static` stand before a map; a map must have a symbol. */
function withoutStatic(text: string, start: number): number {
  const match = /\bstatic\s+$/.exec(text.slice(Math.max(0, start - 40), start));
  if (match === null) return start;
  const at = start - match[0].length;
  return isIdentifierPart(text[at - 1]) ? start : at;
}
