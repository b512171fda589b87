/** Rewrites the heads of functions: sections and arguments of programs, inlining of helpers. */
import type { Declarations, FunctionDefinition } from "../ast/declarations.ts";
import { type AstNode, childrenOf, typeOf, withoutParentheses } from "../ast/node.ts";
import { expansionOf, isFromMacro, spellingOf } from "../ast/source-location.ts";
import { calleeOf } from "../maps/calls.ts";
import { isSyscallProgram } from "../memory/origins.ts";
import { storeTarget } from "../memory/probe-read.ts";
import { PacketFields } from "../packets/header-layout.ts";
import type { Finding } from "../report.ts";
import type { TextEdits } from "../text/edits.ts";
import { bracketSpan, nextToken, tokens } from "../text/scan.ts";
import {
  type ProgramUses,
  programMacros,
  programSection,
  samplingHelper,
  trafficHelper,
  usdtReaders,
} from "./sections.ts";

/** A program as the object will hold it. */
export interface ProbeDeclaration {
  readonly name: string;
  /** ELF section, in libbpf's notation. */
  readonly section: string;
  /** True where the name or macro says what to attach to. */
  readonly isAttached: boolean;
  readonly file: string;
  readonly offset: number;
}

/** What rewriting of function heads needs. */
export interface ProgramContext {
  readonly texts: ReadonlyMap<string, string>;
  readonly edits: ReadonlyMap<string, TextEdits>;
  readonly architecture: string;
  readonly refuse: (finding: Finding, file: string, offset: number) => void;
}

/** Rewrites every function head of a program; returns its entry points. */
export function rewritePrograms(declarations: Declarations, context: ProgramContext): ProbeDeclaration[] {
  const found: ProbeDeclaration[] = [];
  const fields = new PacketFields(declarations);
  const usdt = functionsWith(declarations, (_node, callee) => usdtReaders.includes(callee ?? ""));
  const packets = functionsWith(
    declarations,
    (node, callee) =>
      trafficHelper.test(callee ?? "") || isPacketStore(node, fields) || isTrafficMember(node, declarations),
  );
  const samples = functionsWith(declarations, (_node, callee) => samplingHelper.test(callee ?? ""));
  for (const definition of declarations.functions.values()) {
    const { name } = definition;
    const uses = { usdt: usdt.has(name), traffic: packets.has(name), sampling: samples.has(name) };
    const probe = new HeadRewriter(definition, context, uses).rewrite();
    if (probe !== undefined) found.push(probe);
  }
  return found;
}

/** Functions in which a node is found, and those that call them, however indirectly. */
function functionsWith(
  declarations: Declarations,
  matches: (node: AstNode, callee: string | undefined) => boolean,
): ReadonlySet<string> {
  const callers = new Map<string, Set<string>>();
  const found = new Set<string>();
  for (const { name, body } of declarations.functions.values()) {
    const stack: AstNode[] = [body];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      stack.push(...childrenOf(node));
      const callee = node.kind === "CallExpr" ? calleeOf(node) : undefined;
      if (matches(node, callee)) found.add(name);
      if (callee === undefined) continue;
      const known = callers.get(callee);
      if (known === undefined) callers.set(callee, new Set([name]));
      else known.add(name);
    }
  }
  const waiting = [...found];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    for (const caller of callers.get(name) ?? []) {
      if (found.has(caller)) continue;
      found.add(caller);
      waiting.push(caller);
    }
  }
  return found;
}

function isPacketStore(node: AstNode, fields: PacketFields): boolean {
  const target = storeTarget(node);
  return target !== undefined && fields.headerOf(withoutParentheses(target)) !== undefined;
}

/** Members of struct __sk_buff that socket filters must not read (sk_filter_is_valid_access of net/core/filter.c). */
function isTrafficMember(node: AstNode, { recordOfField }: Declarations): boolean {
  return (
    node.kind === "MemberExpr" &&
    ((/^(?:data|data_end|data_meta|tc_classid|tstamp|wire_len|hwtstamp|sk)$/.test(node.name ?? "") &&
      recordOfField.get(node.referencedMemberDecl ?? "") === "__sk_buff") ||
      trafficHelper.test(node.name ?? ""))
  );
}

class HeadRewriter {
  readonly #definition: FunctionDefinition;
  readonly #context: ProgramContext;

  readonly #uses: ProgramUses;

  constructor(definition: FunctionDefinition, context: ProgramContext, uses: ProgramUses) {
    this.#definition = definition;
    this.#context = context;
    this.#uses = uses;
  }

  rewrite(): ProbeDeclaration | undefined {
    const { node, name, isStatic, parameters } = this.#definition;
    const use = expansionOf(node.range?.begin);
    const text = use === undefined ? undefined : this.#context.texts.get(use.file);
    if (use === undefined || text === undefined) return undefined;
    if (isStatic) {
      this.#inline();
      return undefined;
    }
    const [first] = parameters;
    const { section, isAttached } = programSection(
      name,
      first === undefined ? "" : typeOf(first),
      this.#context.architecture,
      this.#uses,
    );
    const probe = { name, section, isAttached, file: use.file, offset: use.offset };
    if (isFromMacro(node.range?.begin) && this.#expandMacro(text, use.file, use.offset, section))
      return probe;
    this.#addSection(section);
    this.#returnNumber();
    if (parameters.length > 1 && !isTrampoline(name)) this.#arguments();
    return probe;
  }

  /** Where the head was written: in the file, or in a macro of the user's. */
  #written(): { readonly file: string; readonly offset: number; readonly text: string } | undefined {
    const begin = spellingOf(this.#definition.node.range?.begin);
    const text = begin === undefined ? undefined : this.#context.texts.get(begin.file);
    return begin === undefined || text === undefined ? undefined : { ...begin, text };
  }

  #addSection(section: string): void {
    const written = this.#written();
    if (written === undefined) return;
    if (childrenOf(this.#definition.node).some((child) => child.kind === "SectionAttr")) return;
    const name = isFromMacro(this.#definition.node.range?.begin)
      ? (section.split("/")[0] ?? section)
      : section;
    this.#context.edits.get(written.file)?.insert(written.offset, `SEC("${name}") `);
  }

  /** The kernel wants a number of every program: `void` leaves the register unset, which the verifier refuses. */
  #returnNumber(): void {
    const { node } = this.#definition;
    const written = this.#written();
    const name = spellingOf(node.loc);
    if (written === undefined || name === undefined || !/^void\s*\(/.test(node.type?.qualType ?? "")) return;
    if (name.file !== written.file) return;
    for (const token of tokens(written.text, written.offset, name.offset))
      if (token.text === "void")
        this.#context.edits.get(written.file)?.replace(token.start, token.end, "int");
  }

  /** Helpers become part of their callers, as in BCC: they may take contexts and stack pointers freely. */
  #inline(): void {
    const { node, body } = this.#definition;
    if (childrenOf(node).some((child) => child.kind === "AlwaysInlineAttr" || child.kind === "NoInlineAttr"))
      return;
    const written = this.#written();
    const bodyStart = spellingOf(body.range?.begin);
    if (written === undefined || bodyStart === undefined || bodyStart.file !== written.file) return;
    const edits = this.#context.edits.get(written.file);
    let afterStatic: number | undefined;
    for (const token of tokens(written.text, written.offset, bodyStart.offset)) {
      if (token.text === "(") break;
      if (token.text === "inline" || token.text === "__inline" || token.text === "__inline__") {
        edits?.replace(token.start, token.end, "__always_inline");
        return;
      }
      if (token.text === "static") afterStatic = token.end;
    }
    edits?.insert(
      afterStatic ?? written.offset,
      afterStatic === undefined ? "__always_inline " : " __always_inline",
    );
  }

  /** `KFUNC_PROBE(f, int a)` becomes `SEC("fentry/f") int BPF_PROG(kfunc__vmlinux__f, int a)`. */
  #expandMacro(text: string, file: string, offset: number, section: string): boolean {
    const token = nextToken(text, offset);
    const macro = token === undefined ? undefined : programMacros[token.text];
    const open = token === undefined ? undefined : nextToken(text, token.end);
    if (macro === undefined || token === undefined || open?.text !== "(") return false;
    const brackets = bracketSpan(text, open.start);
    if (brackets === undefined || brackets.arguments.length < macro.names) return false;
    const names = brackets.arguments.slice(0, macro.names).map((span) => text.slice(span.start, span.end));
    const last = brackets.arguments[macro.names - 1];
    if (last === undefined) return false;
    const edits = this.#context.edits.get(file);
    const program = macro.program(...names);
    if (macro.parameter === "arguments") {
      edits?.replace(token.start, last.end, `SEC("${section}") int BPF_PROG(${program}`);
    } else {
      edits?.replace(token.start, last.end, `SEC("${section}") int ${program}(${macro.parameter(...names)}`);
    }
    return true;
  }

  /** Parameters behind the context come from registers: BPF_KPROBE, or BPF_KSYSCALL for system calls. */
  #arguments(): void {
    const { name, parameters, node, body } = this.#definition;
    const [context, ...rest] = parameters;
    const nameToken = spellingOf(node.loc);
    const text = nameToken === undefined ? undefined : this.#context.texts.get(nameToken.file);
    if (context === undefined || nameToken === undefined || text === undefined) return;
    const refuse = (code: string, message: string, at: AstNode, hint?: string): void => {
      const place = spellingOf(at.range?.begin) ?? nameToken;
      this.#context.refuse(
        { code, message, ...(hint === undefined ? {} : { hint }) },
        place.file,
        place.offset,
      );
    };
    if (typeOf(context) !== "struct pt_regs *") {
      refuse(
        "RW021",
        `program ${name} takes arguments, but its context is ${typeOf(context) || "missing"}, not struct pt_regs *`,
        context,
        "Arguments come from registers: make the first parameter struct pt_regs *ctx, or remove the others.",
      );
      return;
    }
    const unnamed = rest.find((parameter) => parameter.name === undefined);
    if (unnamed !== undefined) {
      refuse("RW022", "arguments to BPF program definition must be named", unnamed);
      return;
    }
    const limit = 6;
    const extra = rest[limit];
    if (extra !== undefined) {
      refuse("RW023", "too many arguments, only those in registers (6) can be had", extra);
      return;
    }
    const open = nextToken(text, nameToken.end);
    const brackets = open?.text === "(" ? bracketSpan(text, open.start) : undefined;
    const first = brackets?.arguments[0];
    const comma = first === undefined ? undefined : nextToken(text, first.end);
    const edits = this.#context.edits.get(nameToken.file);
    if (comma?.text !== ",") {
      refuse("RW024", `the parameter list of ${name} comes out of a macro and cannot be rewritten`, node);
      return;
    }
    const macro = isSyscallProgram(name) ? "BPF_KSYSCALL" : "BPF_KPROBE";
    edits?.replace(nameToken.offset, comma.start, `${macro}(${name}`);
    const contextName = context.name ?? "ctx";
    const bodyStart = spellingOf(body.range?.begin);
    if (macro === "BPF_KSYSCALL" && bodyStart !== undefined && usesSyscallRegisters(body)) {
      edits?.insert(bodyStart.end, " struct pt_regs *__ctx = PT_REGS_SYSCALL_REGS(ctx);");
    }
    if (contextName !== "ctx" && bodyStart !== undefined) {
      edits?.insert(bodyStart.end, ` struct pt_regs *${contextName} = ctx;`);
    }
  }
}

/** True where a body uses BCC's `__ctx` without declaring it. */
function usesSyscallRegisters(body: AstNode): boolean {
  let isUsed = false;
  const stack: AstNode[] = [body];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.kind === "VarDecl" && node.name === "__ctx") return false;
    if (node.kind === "DeclRefExpr" && node.referencedDecl?.name === "__ctx") isUsed = true;
    stack.push(...childrenOf(node));
  }
  return isUsed;
}

/** Programs whose macros already give their arguments. */
function isTrampoline(name: string): boolean {
  return /^(?:kfunc|kretfunc|kmod_ret|lsm)__/.test(name);
}
