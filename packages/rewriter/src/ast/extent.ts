/** Where an expression stands in the user's text, also when macros produced parts of it. */
import { bracketSpan, nextToken, skipBlank } from "../text/scan.ts";
import { type AstLocation, type AstNode, accessOf, childOf } from "./node.ts";
import { expansionOf, isFromMacro, spellingOf } from "./source-location.ts";

/** A range of one file. */
export interface Extent {
  readonly file: string;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** A member access with its tokens. */
export interface MemberExtent extends Extent {
  /** The `->` or `.`; absent where a macro hides it or the member is anonymous. */
  readonly operator?: { readonly start: number; readonly end: number };
}

/** Texts that may be edited, by the names clang gives the files. */
export type EditableTexts = ReadonlyMap<string, string>;

/** Finds extents. Results are cached by node. */
export class ExtentFinder {
  readonly #texts: EditableTexts;
  readonly #cache = new Map<AstNode, readonly MemberExtent[]>();

  constructor(texts: EditableTexts) {
    this.#texts = texts;
  }

  /** The narrowest extent, or undefined where the expression lies in a header. */
  find(node: AstNode): MemberExtent | undefined {
    return this.candidates(node)[0];
  }

  /** Extents from narrowest to widest: as spelled, then the macro use that produced the expression. */
  candidates(node: AstNode): readonly MemberExtent[] {
    let found = this.#cache.get(node);
    if (found === undefined) {
      found = this.#compute(node);
      this.#cache.set(node, found);
    }
    return found;
  }

  #compute(node: AstNode): readonly MemberExtent[] {
    const child = childOf(node, 0);
    if (child !== undefined) {
      if (node.kind === "ImplicitCastExpr" || node.kind === "ConstantExpr") return this.candidates(child);
      if (node.kind === "MemberExpr") return this.#member(node);
      if (node.kind === "ArraySubscriptExpr") return this.#subscript(node, child);
    }
    return this.#plain(node);
  }

  /** From the node's own range. */
  #plain(node: AstNode): readonly Extent[] {
    const { begin, end } = node.range ?? {};
    const found: Extent[] = [];
    const add = (extent: Extent | undefined): void => {
      if (extent === undefined || extent.end <= extent.start) return;
      if (!found.some((other) => other.start === extent.start && other.end === extent.end))
        found.push(extent);
    };
    const startsInMacro = isFromMacro(begin);
    const endsInMacro = isFromMacro(end);
    if (startsInMacro === endsInMacro && sameExpansion(begin, end)) add(this.#spelled(begin, end));
    add(this.#expanded(begin, end));
    return found;
  }

  #spelled(begin: AstLocation | undefined, end: AstLocation | undefined): Extent | undefined {
    const first = spellingOf(begin);
    const last = spellingOf(end);
    if (first === undefined || last === undefined || first.file !== last.file) return undefined;
    const text = this.#texts.get(first.file);
    if (text === undefined || !isBalanced(text, first.offset, last.end)) return undefined;
    return { file: first.file, start: first.offset, end: last.end };
  }

  #expanded(begin: AstLocation | undefined, end: AstLocation | undefined): Extent | undefined {
    const first = expansionOf(begin);
    const last = expansionOf(end);
    if (first === undefined || last === undefined || first.file !== last.file) return undefined;
    const text = this.#texts.get(first.file);
    if (text === undefined) return undefined;
    const stop = isFromMacro(end) ? macroUseEnd(text, last.offset, last.end) : last.end;
    return { file: first.file, start: first.offset, end: stop };
  }

  #member(node: AstNode): readonly MemberExtent[] {
    const access = accessOf(node);
    if (access === undefined) return this.#plain(node);
    const bases = this.candidates(access.base);
    if (node.name === undefined || node.name === "") return bases;
    const end = node.range?.end;
    const found: MemberExtent[] = [];
    for (const extent of bases) {
      const text = this.#texts.get(extent.file);
      if (text === undefined) continue;
      const operator = nextToken(text, extent.end);
      const name = operator === undefined ? undefined : nextToken(text, operator.end);
      const isAccess = operator?.text === (access.isArrow ? "->" : ".") && name?.kind === "identifier";
      const spelled = spellingOf(end);
      if (isAccess && operator !== undefined && name !== undefined) {
        const isSpelledHere = spelled?.file === extent.file && spelled.offset === name.start;
        if (isSpelledHere || (isFromMacro(end) && !isCoveredByBase(access.base, end))) {
          found.push({ file: extent.file, start: extent.start, end: name.end, operator });
          continue;
        }
      }
      if (isFromMacro(end) && isCoveredByBase(access.base, end)) {
        found.push({ file: extent.file, start: extent.start, end: extent.end });
      }
    }
    for (const extent of this.#plain(node)) {
      if (!found.some((other) => other.start === extent.start && other.end === extent.end))
        found.push(extent);
    }
    return found;
  }

  #subscript(node: AstNode, base: AstNode): readonly MemberExtent[] {
    const found: MemberExtent[] = [];
    for (const extent of this.candidates(base)) {
      const text = this.#texts.get(extent.file);
      if (text === undefined) continue;
      const open = skipBlank(text, extent.end);
      const brackets = text[open] === "[" ? bracketSpan(text, open) : undefined;
      if (brackets !== undefined)
        found.push({ file: extent.file, start: extent.start, end: brackets.close + 1 });
    }
    return found.length > 0 ? found : this.#plain(node);
  }
}

/** True where one macro stood for several members: `sk_dport` is `__sk_common.skc_dport`. */
function isCoveredByBase(base: AstNode, end: AstLocation | undefined): boolean {
  if (base.kind !== "MemberExpr") return false;
  return isFromMacro(base.range?.end) && sameExpansion(base.range?.end, end);
}

function sameExpansion(begin: AstLocation | undefined, end: AstLocation | undefined): boolean {
  return begin?.expansionLoc?.offset === end?.expansionLoc?.offset;
}

/** The end of a macro use: behind its arguments where there are any. */
function macroUseEnd(text: string, nameStart: number, nameEnd: number): number {
  const open = skipBlank(text, nameEnd);
  if (text[open] !== "(") return nameEnd;
  const name = text.slice(nameStart, nameEnd);
  const definition = new RegExp(`^[ \\t]*#[ \\t]*define[ \\t]+${name}\\b(\\(?)`, "m").exec(text);
  if (definition !== null && definition[1] === "") return nameEnd;
  const brackets = bracketSpan(text, open);
  return brackets === undefined ? nameEnd : brackets.close + 1;
}

/** True where brackets in the range close in it, so that it can be one expression. */
function isBalanced(text: string, start: number, end: number): boolean {
  if (end < start) return false;
  let depth = 0;
  for (let position = start; position < end; ) {
    const token = nextToken(text, position);
    if (token === undefined || token.start >= end) break;
    if ("([{".includes(token.text)) depth += 1;
    else if (")]}".includes(token.text)) depth -= 1;
    if (depth < 0) return false;
    position = token.end;
  }
  return depth === 0;
}
