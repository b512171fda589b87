/** The parts of clang's JSON AST (`-ast-dump=json`) that rewriting reads. */

/** A place; clang leaves `file` out where it equals that of the place printed before. */
export interface AstLocation {
  offset?: number;
  file?: string;
  line?: number;
  tokLen?: number;
  isMacroArgExpansion?: boolean;
  spellingLoc?: AstLocation;
  expansionLoc?: AstLocation;
}

/** A type as written and, where different, without typedefs. */
export interface AstType {
  readonly qualType: string;
  readonly desugaredQualType?: string;
}

/** A declaration that an expression names. */
export interface AstReference {
  readonly id: string;
  readonly kind?: string;
  readonly name?: string;
  readonly type?: AstType;
}

/** One node. */
export interface AstNode {
  readonly id?: string;
  readonly kind?: string;
  readonly loc?: AstLocation;
  readonly range?: { readonly begin: AstLocation; readonly end: AstLocation };
  readonly name?: string;
  readonly type?: AstType;
  readonly castKind?: string;
  readonly isArrow?: boolean;
  readonly isBitfield?: boolean;
  readonly isPartOfExplicitCast?: boolean;
  readonly storageClass?: string;
  readonly inline?: boolean;
  readonly opcode?: string;
  readonly isPostfix?: boolean;
  readonly value?: unknown;
  /** Of DeprecatedAttr. */
  readonly message?: string;
  readonly tagUsed?: string;
  readonly completeDefinition?: boolean;
  readonly referencedMemberDecl?: string;
  readonly referencedDecl?: AstReference;
  readonly field?: AstReference;
  readonly inner?: readonly AstNode[];
  readonly array_filler?: readonly AstNode[];
}

/** The children that are nodes; clang prints `{}` for absent ones. */
export function childrenOf(node: AstNode): readonly AstNode[] {
  return node.inner ?? node.array_filler ?? [];
}

/** The child at `index`, or undefined. */
export function childOf(node: AstNode, index: number): AstNode | undefined {
  return node.inner?.[index];
}

/** The type without typedefs. */
export function typeOf(node: { readonly type?: AstType }): string {
  return node.type?.desugaredQualType ?? node.type?.qualType ?? "";
}

/** True for pointers, by spelling of the desugared type. */
export function isPointer(node: { readonly type?: AstType }): boolean {
  return /\*\s*(?:const|volatile|restrict|__restrict|\s)*$/.test(typeOf(node));
}

const wrappers = new Set(["ParenExpr", "ImplicitCastExpr", "ConstantExpr", "ExprWithCleanups"]);

/** Steps through parentheses and implicit casts. */
export function withoutImplicit(node: AstNode): AstNode {
  let current = node;
  while (wrappers.has(current.kind ?? "")) {
    const child = childOf(current, 0);
    if (child === undefined) return current;
    current = child;
  }
  return current;
}

/** Steps through parentheses and casts of both kinds. */
export function withoutCasts(node: AstNode): AstNode {
  let current = node;
  while (wrappers.has(current.kind ?? "") || current.kind === "CStyleCastExpr") {
    const child = childOf(current, 0);
    if (child === undefined) return current;
    current = child;
  }
  return current;
}

/** A member access; steps through the anonymous structures that clang makes visible. */
export interface Access {
  readonly isArrow: boolean;
  readonly base: AstNode;
}

/** What a member is taken from, as the user wrote it. */
export function accessOf(member: AstNode): Access | undefined {
  let current = member;
  for (;;) {
    const base = childOf(current, 0);
    if (base === undefined) return undefined;
    if (base.kind !== "MemberExpr" || (base.name !== undefined && base.name !== "")) {
      return { isArrow: current.isArrow === true, base };
    }
    current = base;
  }
}

/** Steps through parentheses. */
export function withoutParentheses(node: AstNode): AstNode {
  let current = node;
  while (current.kind === "ParenExpr") {
    const child = childOf(current, 0);
    if (child === undefined) break;
    current = child;
  }
  return current;
}
