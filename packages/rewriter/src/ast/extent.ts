/** Where an expression stands in the user's text, also when macros produced parts of it. */
import { hasComma, postfixStart, unaryEnd } from "../text/postfix.ts";
import { bracketSpan, definitionAround, nextToken, skipBlank } from "../text/scan.ts";
import { type Access, type AstLocation, type AstNode, accessOf, childOf } from "./node.ts";
import { expansionOf, isFromMacro, spellingOf, type TokenPlace } from "./source-location.ts";

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
  readonly #isMacro: (name: string) => boolean;
  readonly #cache = new Map<AstNode, readonly MemberExtent[]>();

  /** @param isMacro Whether a name is one of a macro without parameters: it may stand where a member's name is expected. */
  constructor(texts: EditableTexts, isMacro: (name: string) => boolean) {
    this.#texts = texts;
    this.#isMacro = isMacro;
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
    if (startsInMacro === endsInMacro && sameExpansion(begin, end)) {
      const spelled = this.#spelled(begin, end);
      // Arguments of one macro may stand in the order of an expression without being one: `ARROW(p, pid)`.
      const isComma = node.kind === "BinaryOperator" && node.opcode === ",";
      if (spelled !== undefined && (isComma || !this.#hasComma(spelled))) add(spelled);
    }
    if (node.kind === "UnaryOperator" && node.isPostfix !== true && startsInMacro && found.length === 0)
      add(this.#unary(begin));
    add(this.#expanded(begin, end));
    return found;
  }

  #hasComma({ file, start, end }: Extent): boolean {
    return hasComma(this.#texts.get(file) ?? "", start, end);
  }

  /** From the operator on: what follows may come out of another macro. */
  #unary(begin: AstLocation | undefined): Extent | undefined {
    const place = spellingOf(begin);
    const text = this.#texts.get(place?.file ?? "");
    if (place === undefined || text === undefined) return undefined;
    const end = unaryEnd(text, place.offset);
    return end === undefined ? undefined : { file: place.file, start: place.offset, end };
  }

  #spelled(begin: AstLocation | undefined, end: AstLocation | undefined): Extent | undefined {
    const first = spellingOf(begin);
    const last = spellingOf(end);
    if (first === undefined || last === undefined || first.file !== last.file) return undefined;
    const text = this.#texts.get(first.file);
    if (text === undefined || !isBalanced(text, first.offset, last.end)) return undefined;
    // Where one macro's definition uses another's, an expression may start in the one and end in the other.
    const definition = definitionAround(text, first.offset);
    if (definition !== undefined && last.end > definition.end) return undefined;
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
      const member = this.#behindBase(node, access, extent);
      if (member !== undefined) found.push(member);
    }
    if (isFromMacro(end) && !found.some(({ operator }) => operator !== undefined)) {
      for (const extent of bases) {
        const member = this.#behindMacro(node, access, extent);
        if (member !== undefined) found.unshift(member);
      }
    }
    const spelled = spellingOf(end);
    if (spelled !== undefined && !found.some((extent) => extent.end === spelled.end && extent.operator)) {
      const member = this.#beforeName(node, access.isArrow, spelled);
      if (member !== undefined) found.unshift(member);
    }
    for (const extent of this.#plain(node)) {
      if (!found.some((other) => other.start === extent.start && other.end === extent.end))
        found.push(extent);
    }
    return found;
  }

  /** The member whose operator and name follow one of the base's extents. */
  #behindBase(node: AstNode, access: Access, extent: MemberExtent): MemberExtent | undefined {
    const end = node.range?.end;
    const text = this.#texts.get(extent.file);
    if (text === undefined) return undefined;
    const operator = nextToken(text, extent.end);
    const name = operator === undefined ? undefined : nextToken(text, operator.end);
    const isAccess = operator?.text === (access.isArrow ? "->" : ".") && name?.kind === "identifier";
    if (isAccess && operator !== undefined && name !== undefined) {
      const spelled = spellingOf(end);
      const isSpelledHere = spelled?.file === extent.file && spelled.offset === name.start;
      const isSameName =
        name.text === node.name || this.#isMacro(name.text) || isParameter(text, name.start, name.text);
      if (isSpelledHere || (isFromMacro(end) && isSameName && !isCoveredByBase(access.base, end))) {
        return { file: extent.file, start: extent.start, end: name.end, operator };
      }
    }
    if (isFromMacro(end) && isCoveredByBase(access.base, end)) {
      return { file: extent.file, start: extent.start, end: extent.end };
    }
    return undefined;
  }

  /** The same where the base is the argument of a macro: `ID(sk)->sk_daddr`. */
  #behindMacro(node: AstNode, access: Access, base: MemberExtent): MemberExtent | undefined {
    const text = this.#texts.get(base.file) ?? "";
    let extent: MemberExtent = base;
    for (let depth = 0; depth < 4; depth += 1) {
      const name = /([A-Za-z_]\w*)\s*\(\s*$/.exec(text.slice(Math.max(0, extent.start - 80), extent.start));
      const close = skipBlank(text, extent.end);
      if (name === null || text[close] !== ")") return undefined;
      extent = { file: base.file, start: extent.start - name[0].length, end: close + 1 };
      const member = this.#behindBase(node, access, extent);
      if (member?.operator !== undefined) return member;
    }
    return undefined;
  }

  /** The member whose name was written at a place, with what stands before it, where the base comes out of a macro. */
  #beforeName(node: AstNode, isArrow: boolean, name: TokenPlace): MemberExtent | undefined {
    const text = this.#texts.get(name.file);
    if (text === undefined || text.slice(name.offset, name.end) !== node.name) return undefined;
    const before = text.slice(0, name.offset).trimEnd();
    const operatorText = isArrow ? "->" : ".";
    if (!before.endsWith(operatorText)) return undefined;
    const operator = { start: before.length - operatorText.length, end: before.length };
    const statement =
      Math.max(text.lastIndexOf(";", operator.start), text.lastIndexOf("}", operator.start)) + 1;
    const use = expansionOf(node.range?.begin);
    const isInUse = use?.file === name.file && use.offset < operator.start;
    const from = definitionAround(text, operator.start)?.body ?? (isInUse ? use.offset : statement);
    const start = postfixStart(text, from, operator.start);
    return start === undefined ? undefined : { file: name.file, start, end: name.end, operator };
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

/** True where a name stands in the definition of a macro that has a parameter of this name. */
function isParameter(text: string, at: number, name: string): boolean {
  return definitionAround(text, at)?.parameters.includes(name) === true;
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
