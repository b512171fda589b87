/** Rewrites BCC's `bpf_trace_printk(format, ...)` into `bpf_printk(format, ...)`. */
import { type AstNode, childrenOf, typeOf, withoutCasts, withoutImplicit } from "../ast/node.ts";
import { expansionOf, spellingOf } from "../ast/source-location.ts";
import { calleeOf } from "../maps/calls.ts";
import type { Finding } from "../report.ts";
import type { TextEdits } from "../text/edits.ts";

const printk = "bpf_trace_printk";

/** What the rewriting needs. */
export interface PrintContext {
  readonly texts: ReadonlyMap<string, string>;
  readonly edits: ReadonlyMap<string, TextEdits>;
  readonly refuse: (finding: Finding, node: AstNode) => void;
  readonly warn: (finding: Finding, node: AstNode) => void;
}

/** Rewrites one CallExpr where it calls bpf_trace_printk. The helper's own form (format, size, ...) stays. */
export function rewritePrintk(node: AstNode, context: PrintContext): void {
  const callee = childrenOf(node)[0];
  if (callee === undefined || calleeOf(node) !== printk) return;
  const [, format, size] = childrenOf(node);
  if (format === undefined) {
    context.refuse({ code: "RW041", message: "bpf_trace_printk needs a format" }, node);
    return;
  }
  const literal = withoutCasts(format);
  if (literal.kind !== "StringLiteral") {
    if (
      size !== undefined &&
      /^(?:unsigned |signed )?(?:int|long|char|short)/.test(typeOf(withoutImplicit(size)))
    )
      return;
    const hint = 'Write the format as a string literal: bpf_trace_printk("%d\\n", value).';
    context.refuse(
      { code: "RW042", message: "the format of bpf_trace_printk is not a string literal", hint },
      node,
    );
    return;
  }
  checkFormat(
    typeof literal.value === "string" ? literal.value : "",
    childrenOf(node).length - 2,
    node,
    context,
  );
  const place = spellingOf(callee.range?.begin);
  const use = expansionOf(callee.range?.begin);
  for (const token of [place, use]) {
    const text = token === undefined ? undefined : context.texts.get(token.file);
    if (token === undefined || text === undefined || !text.startsWith(printk, token.offset)) continue;
    context.edits.get(token.file)?.replace(token.offset, token.offset + printk.length, "bpf_printk");
    return;
  }
  const hint = "Call bpf_trace_printk without a macro around its name.";
  context.refuse({ code: "RW043", message: "this bpf_trace_printk cannot be rewritten", hint }, node);
}

const conversion = /%(?:%|(-?\d*\.?\d*)(ll|l|h|hh)?(.)([A-Za-z]*))/g;

/** The checks that BCC makes on formats (BCC 0.26: warnings, with its texts). */
function checkFormat(literal: string, given: number, node: AstNode, context: PrintContext): void {
  const conversions = [...literal.matchAll(conversion)].filter((match) => match[0] !== "%%");
  const warn = (message: string): void => context.warn({ code: "RW044", message, severity: "warning" }, node);
  if (conversions.some((match) => !"duxpsic".includes(match[3] ?? ""))) {
    warn("only %d %u %x %ld %lu %lx %lld %llu %llx %p %s conversion specifiers allowed");
  }
  if (conversions.length !== given) {
    warn(`the format has ${conversions.length} conversions, but ${given} values are given`);
  }
}
