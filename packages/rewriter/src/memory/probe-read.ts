/** Turns loads from kernel and user memory into reads through helpers. */
import type { Declarations } from "../ast/declarations.ts";
import type { ExtentFinder, MemberExtent } from "../ast/extent.ts";
import { type AstNode, accessOf, childOf, childrenOf, withoutParentheses } from "../ast/node.ts";
import { expansionOf, isFromMacro, spellingOf } from "../ast/source-location.ts";
import type { TextEdits } from "../text/edits.ts";
import { skipBlank } from "../text/scan.ts";
import { type MovedMember, movedMember, readerOf } from "./moved-members.ts";
import { isTranslated, readKindOf } from "./origins.ts";
import type { PointerAnalysis } from "./pointer-analysis.ts";
import { reasonOf } from "./reason.ts";

/** Why one expression was rewritten, for `--explain`. */
export interface Explanation {
  readonly file: string;
  readonly offset: number;
  readonly expression: string;
  readonly reason: string;
}

/** What rewriting of reads needs. */
export interface ReadContext {
  readonly declarations: Declarations;
  readonly analysis: PointerAnalysis;
  readonly extents: ExtentFinder;
  readonly texts: ReadonlyMap<string, string>;
  readonly edits: ReadonlyMap<string, TextEdits>;
  /** Files whose macros read by themselves when compiled. */
  readonly readsItself: (file: string) => boolean;
  readonly refuse: (node: AstNode, message: string, hint: string) => void;
  readonly explain: (explanation: Explanation) => void;
}

/** A read as steps from a pointer: `pointer->a.b->c` has the two accessors `a.b` and `c`. */
interface Path {
  /** The pointer that the first arrow follows. */
  readonly root: AstNode;
  /** The member expression of each arrow, first to last. */
  readonly arrows: readonly AstNode[];
}

/** Longest path that BPF_CORE_READ takes. */
const longestPath = 9;

/** Rewrites reads of one program, load by load, outermost first. */
export class ReadRewriter {
  readonly #context: ReadContext;
  /** Loads that are part of an outer read's path. */
  readonly #covered = new Set<AstNode>();
  /** Ranges of the text that became reads, with which expression each one reads. */
  readonly #wrapped = new Map<string, string>();
  /** Loads of contexts out of macros. */
  readonly #direct: AstNode[] = [];

  constructor(context: ReadContext) {
    this.#context = context;
  }

  /** Looks at an LValueToRValue cast and edits the text where it loads foreign memory. */
  visit(cast: AstNode): void {
    const loaded = childOf(cast, 0);
    if (loaded === undefined || this.#covered.has(cast)) return;
    if (this.moved(withoutParentheses(loaded), "value") || this.#movedInside(withoutParentheses(loaded)))
      return;
    const { objects } = this.#context.analysis.locationOf(loaded);
    const kind = readKindOf(objects);
    const isTranslatedToo = [...objects].some(isTranslated);
    if (kind === undefined) {
      if (isTranslatedToo && isFromMacro(loaded.range?.begin)) this.#direct.push(withoutParentheses(loaded));
    } else if (isTranslatedToo) {
      this.#refuseBoth(loaded);
    } else {
      this.#read(cast, withoutParentheses(loaded), kind);
    }
  }

  /**
   * Turns a member that has another name in other kernels into a call of its reader: `req->rq_disk` becomes
   * `request_rq_disk(req)`, and where its address is wanted that of a copy.
   * @returns false for other expressions
   */
  moved(member: AstNode, use: "value" | "address"): boolean {
    const row = this.#movedRow(member);
    if (row === undefined) return false;
    if (this.#covered.has(member)) return true;
    const extent = this.#context.extents.find(member);
    const text = this.#context.texts.get(extent?.file ?? "");
    const operator = extent?.operator;
    const pointer = this.#pointerTo(member);
    if (extent === undefined || text === undefined || operator === undefined || pointer === undefined) {
      // The name that the headers have works without a reader, if not for every kernel.
      if (!this.#isFormer(member)) return false;
      const message = `${row.record}.${row.member} cannot be read by its name in every kernel here`;
      this.#context.refuse(
        member,
        message,
        `${row.change}: read it as pointer->${row.member}, without a macro.`,
      );
      return true;
    }
    this.#covered.add(member);
    const call = `${readerOf(row)}(${pointer}`;
    // Programs read __state with the size of long: what follows the value must be zero, as it is in the structure.
    const literal = row.type === "unsigned int" ? "unsigned long" : row.type;
    const [before, after] = use === "value" ? [call, ")"] : [`(${literal}){${call}`, ")}"];
    const edits = this.#edits(extent);
    edits?.wrap(extent.start, operator.start, before, after, "moved");
    edits?.replace(operator.start, extent.end, "");
    this.#context.explain({
      file: extent.file,
      offset: extent.start,
      expression: text.slice(extent.start, extent.end),
      reason: row.change,
    });
    return true;
  }

  /** `inode->i_ctime.tv_sec`: what the reader gives is a copy, whose members are taken as they are. */
  #movedInside(loaded: AstNode): boolean {
    let current: AstNode | undefined = loaded;
    while (current?.kind === "MemberExpr") {
      const access = accessOf(current);
      if (access === undefined || access.isArrow) return false;
      current = withoutParentheses(access.base);
      if (this.#movedRow(current) !== undefined) return this.moved(current, "value");
    }
    return false;
  }

  /** What makes a pointer to the structure of what stands before the arrow or dot; undefined for copies of it. */
  #pointerTo(member: AstNode): "" | "&" | undefined {
    const access = accessOf(member);
    if (access === undefined || access.isArrow) return access === undefined ? undefined : "";
    return readKindOf(this.#context.analysis.locationOf(access.base).objects) === undefined ? undefined : "&";
  }

  /** True for a member that only the parse sees: the structure of the kernel's types does not have it. */
  #isFormer(member: AstNode): boolean {
    const declaration = this.#context.declarations.fields.get(member.referencedMemberDecl ?? "");
    return declaration !== undefined && childrenOf(declaration).some(({ kind }) => kind === "AnnotateAttr");
  }

  #movedRow(member: AstNode): MovedMember | undefined {
    const { referencedMemberDecl, name } = member;
    if (member.kind !== "MemberExpr" || referencedMemberDecl === undefined || name === undefined)
      return undefined;
    const { ownFields, recordOfField } = this.#context.declarations;
    if (ownFields.has(referencedMemberDecl)) return undefined;
    return movedMember(recordOfField.get(referencedMemberDecl), name);
  }

  /** Looks for loads of contexts that share their text, a macro's body, with reads. Call it once, behind all visits. */
  finish(): void {
    for (const loaded of this.#direct) {
      const extent = this.#context.extents.find(loaded);
      if (extent !== undefined && this.#wrapped.has(keyOf(extent))) this.#refuseBoth(loaded);
    }
  }

  #refuseBoth(loaded: AstNode): void {
    this.#context.refuse(
      loaded,
      "this reads the program's context and kernel memory by the same text",
      "Use different macros or functions for the two: contexts are loaded directly, kernel memory through a helper.",
    );
  }

  #read(cast: AstNode, loaded: AstNode, kind: "kernel" | "user"): void {
    if (this.#isReadByMacro(loaded)) return;
    const extent = this.#editableExtent(cast, loaded);
    if (extent === undefined) {
      this.#context.refuse(
        loaded,
        "this read of kernel memory comes out of a macro that cannot be rewritten",
        "Read the pointer's member into a local variable first, without the macro.",
      );
      return;
    }
    const identity = identityOf(loaded);
    const other = this.#wrapped.get(keyOf(extent));
    const isMacroUse =
      extent.operator === undefined &&
      isFromMacro(loaded.range?.begin) &&
      expansionOf(loaded.range?.begin)?.offset === extent.start;
    if (isMacroUse && other !== undefined && other !== identity) {
      this.#context.refuse(
        loaded,
        "this macro reads kernel memory in more than one place that cannot be told apart",
        "Read the inner value into a local variable first.",
      );
      return;
    }
    this.#wrapped.set(keyOf(extent), identity);
    if (this.#isBitField(loaded)) this.#wrapBitField(loaded, extent, kind);
    else if (!this.#wrapPath(loaded, extent, kind)) this.#wrapValue(extent, kind);
    const text = this.#context.texts.get(extent.file) ?? "";
    this.#context.explain({
      file: extent.file,
      offset: extent.start,
      expression: text.slice(extent.start, extent.end),
      reason: reasonOf(loaded, kind, this.#context),
    });
  }

  /** True for a load that a macro of the header set contains: its other definition reads through a helper. */
  #isReadByMacro(loaded: AstNode): boolean {
    const begin = spellingOf(loaded.range?.begin)?.file;
    return begin !== undefined && this.#context.readsItself(begin);
  }

  #editableExtent(cast: AstNode, loaded: AstNode): MemberExtent | undefined {
    const { extents, texts } = this.#context;
    return [...extents.candidates(loaded), ...extents.candidates(cast)].find((extent) =>
      texts.has(extent.file),
    );
  }

  #isBitField(loaded: AstNode): boolean {
    if (loaded.kind !== "MemberExpr" || loaded.referencedMemberDecl === undefined) return false;
    return this.#context.declarations.fields.get(loaded.referencedMemberDecl)?.isBitfield === true;
  }

  #edits(extent: MemberExtent): TextEdits | undefined {
    return this.#context.edits.get(extent.file);
  }

  #wrapValue(extent: MemberExtent, kind: "kernel" | "user"): void {
    const macro = kind === "kernel" ? "BPF_READ_KERNEL(" : "BPF_READ_USER(";
    this.#edits(extent)?.wrap(extent.start, extent.end, macro, ")", "read");
  }

  /** `p->a.b->c` becomes BPF_CORE_READ(p, a.b, c). False where the text has no such form. */
  #wrapPath(loaded: AstNode, extent: MemberExtent, kind: "kernel" | "user"): boolean {
    const path = this.#pathOf(loaded, kind);
    if (path === undefined || this.#readsIndex(loaded, path)) return false;
    const operators = this.#operators(path, extent);
    if (operators === undefined) return false;
    const edits = this.#edits(extent);
    // __builtin_preserve_access_index in libbpf's BPF_CORE_READ relocates every member in its argument.
    const isKernelType =
      !path.arrows.some((arrow) => this.#isOwnMember(arrow)) && !this.#hasOwnMember(path.root);
    const macro =
      kind === "user" ? "BPF_PROBE_READ_USER(" : isKernelType ? "BPF_CORE_READ(" : "BPF_PROBE_READ(";
    edits?.wrap(extent.start, extent.end, macro, ")", "read");
    for (const operator of operators) edits?.replace(operator.start, operator.end, operator.text);
    for (const arrow of path.arrows.slice(1)) {
      const base = accessOf(arrow)?.base;
      if (base !== undefined) this.#covered.add(base);
    }
    return true;
  }

  /** True where an index on the path reads, too: the builtin that relocates a path must not nest. */
  #readsIndex(loaded: AstNode, path: Path): boolean {
    const { analysis } = this.#context;
    const stack: AstNode[] = [loaded];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node === path.root) continue;
      if (node.kind !== "ArraySubscriptExpr") {
        stack.push(...childrenOf(node));
        continue;
      }
      const [array, index] = childrenOf(node);
      if (array !== undefined) stack.push(array);
      const inside: AstNode[] = index === undefined ? [] : [index];
      for (let part = inside.pop(); part !== undefined; part = inside.pop()) {
        const lvalue = part.castKind === "LValueToRValue" ? childOf(part, 0) : undefined;
        if (lvalue !== undefined && readKindOf(analysis.locationOf(lvalue).objects) !== undefined)
          return true;
        if (part.kind === "CallExpr") return true;
        inside.push(...childrenOf(part));
      }
    }
    return false;
  }

  #isOwnMember(member: AstNode): boolean {
    return (
      member.referencedMemberDecl !== undefined &&
      this.#context.declarations.ownFields.has(member.referencedMemberDecl)
    );
  }

  #hasOwnMember(root: AstNode): boolean {
    const stack = [root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.kind === "MemberExpr" && this.#isOwnMember(node)) return true;
      stack.push(...childrenOf(node));
    }
    return false;
  }

  /** The longest path that ends in the loaded expression. */
  #pathOf(loaded: AstNode, kind: "kernel" | "user"): Path | undefined {
    const arrows: AstNode[] = [];
    let current: AstNode | undefined = loaded;
    let root: AstNode | undefined;
    while (current !== undefined && arrows.length < longestPath) {
      const arrow = arrowOf(current);
      const pointer = arrow === undefined ? undefined : accessOf(arrow)?.base;
      if (arrow === undefined || pointer === undefined) break;
      arrows.unshift(arrow);
      root = pointer;
      current = this.#continuation(pointer, kind);
    }
    return root === undefined ? undefined : { root, arrows };
  }

  /** What a pointer is loaded from, when that load is of the same kind and not in parentheses. */
  #continuation(pointer: AstNode, kind: "kernel" | "user"): AstNode | undefined {
    if (pointer.kind !== "ImplicitCastExpr" || pointer.castKind !== "LValueToRValue") return undefined;
    const inner = childOf(pointer, 0);
    if (inner?.kind !== "MemberExpr" && inner?.kind !== "ArraySubscriptExpr") return undefined;
    const { analysis } = this.#context;
    if (this.#movedRow(inner) !== undefined) return undefined;
    if (readKindOf(analysis.locationOf(inner).objects) !== kind || this.#isReadByMacro(inner))
      return undefined;
    return inner;
  }

  /** Where the arrows stand, with the text that replaces each; undefined where a macro hides one. */
  #operators(path: Path, extent: MemberExtent): { start: number; end: number; text: string }[] | undefined {
    const text = this.#context.texts.get(extent.file) ?? "";
    const found: { start: number; end: number; text: string }[] = [];
    for (const arrow of path.arrows) {
      const operator = this.#context.extents
        .candidates(arrow)
        .find((candidate) => candidate.start === extent.start && candidate.file === extent.file)?.operator;
      if (
        operator === undefined ||
        operator.end > extent.end ||
        text.slice(operator.start, operator.end) !== "->"
      ) {
        return undefined;
      }
      const next = skipBlank(text, operator.end);
      const isTight =
        text.slice(operator.end, next).trim() === "" && !text.slice(operator.end, next).includes("\n");
      found.push({ start: operator.start, end: isTight ? next : operator.end, text: isTight ? ", " : "," });
    }
    return found;
  }

  /** The macros for bit-fields give 64 bits: the cast restores the type of the member. */
  #wrapBitField(loaded: AstNode, extent: MemberExtent, kind: "kernel" | "user"): void {
    const arrow = arrowOf(loaded);
    const operators =
      arrow === undefined ? undefined : this.#operators({ root: loaded, arrows: [arrow] }, extent);
    // `(*p).bit` and `p[1].bit`: the member's own dot.
    const operator = operators?.[0] ?? (arrow === undefined ? this.#dot(extent) : undefined);
    if (operator === undefined) {
      this.#context.refuse(
        loaded,
        `the bit-field ${loaded.name ?? ""} cannot be read through this expression`,
        "Read it as pointer->member, with the pointer in a local variable.",
      );
      return;
    }
    const isOwn = this.#isOwnMember(arrow ?? loaded);
    const macro =
      kind === "user"
        ? "BPF_PROBE_READ_USER_BITFIELD("
        : isOwn
          ? "BPF_PROBE_READ_BITFIELD("
          : "BPF_CORE_READ_BITFIELD_PROBED(";
    const type = loaded.type?.qualType ?? "unsigned int";
    const address = arrow === undefined ? "&" : "";
    const edits = this.#edits(extent);
    edits?.wrap(extent.start, extent.end, `((${type})${macro}${address}`, "))", "read");
    edits?.replace(operator.start, operator.end, operator.text);
  }

  #dot(extent: MemberExtent): { start: number; end: number; text: string } | undefined {
    const { operator } = extent;
    const text = this.#context.texts.get(extent.file) ?? "";
    return operator !== undefined && text.slice(operator.start, operator.end) === "."
      ? { ...operator, text: ", " }
      : undefined;
  }
}

/** Equal for the uses of one macro argument: they are written at one place. */
function identityOf(node: AstNode): string {
  const [begin, end] = [spellingOf(node.range?.begin), spellingOf(node.range?.end)];
  return `${node.kind} ${begin?.file}:${begin?.offset} ${end?.file}:${end?.end}`;
}

function keyOf(extent: MemberExtent): string {
  return `${extent.file}:${extent.start}:${extent.end}`;
}

/** The arrow that an lvalue path starts from: of `p->a.b[2].c` the member expression `p->a`. */
function arrowOf(lvalue: AstNode): AstNode | undefined {
  let current: AstNode | undefined = lvalue;
  while (current !== undefined) {
    if (current.kind === "MemberExpr") {
      const access = accessOf(current);
      if (access?.isArrow) return current;
      current = access?.base;
    } else if (current.kind === "ArraySubscriptExpr") {
      const base = childOf(current, 0);
      if (base?.kind !== "ImplicitCastExpr" || base.castKind !== "ArrayToPointerDecay") return undefined;
      current = childOf(base, 0);
    } else {
      return undefined;
    }
  }
  return undefined;
}

/** Stores that cannot work: assignments and increments whose target lies only outside the program. */
export function storeTarget(node: AstNode): AstNode | undefined {
  if (node.kind === "CompoundAssignOperator" || (node.kind === "BinaryOperator" && node.opcode === "=")) {
    return childOf(node, 0);
  }
  if (node.kind === "UnaryOperator" && (node.opcode === "++" || node.opcode === "--"))
    return childOf(node, 0);
  return undefined;
}

/** Target, source and size of memcpy and memmove, whose source may lie outside the program. */
export function copyCall(node: AstNode, callee: string | undefined): readonly AstNode[] | undefined {
  if (node.kind !== "CallExpr" || !/^(?:__builtin_)?mem(?:cpy|move)$/.test(callee ?? "")) return undefined;
  const [, target, source, size] = childrenOf(node);
  if (target === undefined || source === undefined || size === undefined) return undefined;
  return [target, source, size];
}
