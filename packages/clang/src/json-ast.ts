/** The shape of clang's `-ast-dump=json` output, as far as every node has it. */

/** A node of the AST, the translation unit being the root. Members other than these depend on `kind`. */
export interface AstNode {
  /** Address in the run that made it, `0x...`; unique within one AST. Absent on empty slots (`for (;;)`). */
  readonly id?: string;
  /** Clang's class name: `FunctionDecl`, `MemberExpr` ... Absent on empty slots. */
  readonly kind?: string;
  /** Children in source order. */
  readonly inner?: readonly AstNode[];
  readonly [member: string]: unknown;
}
