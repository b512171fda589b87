/** Rewrites what functions do: map methods, printing, loads from kernel memory; refuses what cannot work. */
import type { Declarations, FunctionDefinition } from "./ast/declarations.ts";
import type { ExtentFinder } from "./ast/extent.ts";
import { type AstNode, childrenOf } from "./ast/node.ts";
import { calleeOf } from "./maps/calls.ts";
import type { FoundMap } from "./maps/find-maps.ts";
import { type CallContext, rewriteMapCall, type Use } from "./maps/rewrite-calls.ts";
import { isOnlyExternal, readKindOf } from "./memory/origins.ts";
import type { PointerAnalysis } from "./memory/pointer-analysis.ts";
import { copyCall, type Explanation, ReadRewriter, storeTarget } from "./memory/probe-read.ts";
import { PacketFields } from "./packets/header-layout.ts";
import { PacketRewriter } from "./packets/rewrite-access.ts";
import { rewritePrintk } from "./print/trace-printk.ts";
import type { Finding } from "./report.ts";
import type { TextEdits } from "./text/edits.ts";

/** What the rewriting of bodies needs. */
export interface BodyContext {
  readonly declarations: Declarations;
  readonly analysis: PointerAnalysis;
  readonly extents: ExtentFinder;
  readonly texts: ReadonlyMap<string, string>;
  readonly edits: ReadonlyMap<string, TextEdits>;
  readonly maps: ReadonlyMap<string, FoundMap>;
  readonly explanations: Explanation[];
  readonly report: (finding: Finding, node: AstNode) => void;
}

/** Depth of the deepest node. */
export function depthOf(root: AstNode): number {
  let deepest = 0;
  const stack: { node: AstNode; depth: number }[] = [{ node: root, depth: 1 }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    deepest = Math.max(deepest, item.depth);
    for (const child of childrenOf(item.node)) stack.push({ node: child, depth: item.depth + 1 });
  }
  return deepest;
}

/** Rewrites every function body. */
export function rewriteBodies(context: BodyContext): void {
  const rewriter = new BodyRewriter(context);
  for (const definition of context.declarations.functions.values()) rewriter.visit(definition);
  rewriter.finish();
}

interface Visit {
  readonly node: AstNode;
  readonly parent: AstNode | undefined;
  /** False in operands of sizeof and the like, where nothing is loaded. */
  readonly isEvaluated: boolean;
}

class BodyRewriter {
  readonly #context: BodyContext;
  readonly #calls: CallContext;
  readonly #reads: ReadRewriter;
  readonly #packets: PacketRewriter;

  constructor(context: BodyContext) {
    this.#context = context;
    const { maps, extents, texts, edits } = context;
    const explain = (explanation: Explanation): void => {
      context.explanations.push(explanation);
    };
    this.#calls = {
      maps,
      mapNames: new Set(maps.keys()),
      extents,
      texts,
      edits,
      refuse: (finding, node) => context.report(finding, node),
      explain,
    };
    this.#reads = new ReadRewriter({
      declarations: context.declarations,
      analysis: context.analysis,
      extents,
      texts,
      edits,
      readsItself: (file) => file.endsWith("bcc/prelude-ast.h"),
      refuse: (node, message, hint) => context.report({ code: "RW030", message, hint }, node),
      explain,
    });
    this.#packets = new PacketRewriter({
      fields: new PacketFields(context.declarations),
      analysis: context.analysis,
      extents,
      texts,
      edits,
      report: context.report,
      explain,
    });
  }

  finish(): void {
    this.#reads.finish();
  }

  visit(definition: FunctionDefinition): void {
    const returns = /^(.*?)\(/.exec(definition.node.type?.qualType ?? "")?.[1] ?? "int";
    this.#packets.enter(definition);
    const stack: Visit[] = [{ node: definition.body, parent: undefined, isEvaluated: true }];
    for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
      const { node } = item;
      this.#visitNode(item, returns);
      const isEvaluated = item.isEvaluated && node.kind !== "UnaryExprOrTypeTraitExpr";
      const children = childrenOf(node);
      for (let index = children.length - 1; index >= 0; index -= 1) {
        const child = children[index];
        if (child !== undefined)
          stack.push({ node: child, parent: transparent(node, item.parent), isEvaluated });
      }
    }
  }

  #visitNode({ node, parent, isEvaluated }: Visit, returns: string): void {
    if (node.kind === "CallExpr") {
      if (rewriteMapCall(node, useOf(node, parent), returns, this.#calls)) return;
      this.#call(node);
    } else if (isEvaluated && node.kind === "ImplicitCastExpr" && node.castKind === "LValueToRValue") {
      if (!this.#packets.read(node)) this.#reads.visit(node);
    } else {
      if (node.kind === "MemberExpr") this.#reads.moved(node, "address");
      if (isEvaluated && !this.#packets.write(node)) this.#checkStore(node);
    }
  }

  #call(node: AstNode): void {
    const name = calleeOf(node);
    if (name === undefined) return;
    const { report, texts, edits, declarations } = this.#context;
    this.#packets.call(node);
    rewritePrintk(node, { texts, edits, refuse: report, warn: report });
    const definition = declarations.functions.get(name);
    if (definition !== undefined && !definition.isStatic) {
      const message = `cannot call non-static helper function ${name}`;
      report(
        { code: "RW051", message, hint: "Declare it static: other functions are programs of their own." },
        node,
      );
    }
    this.#copy(node, name);
  }

  /** memcpy from kernel memory: the source cannot be loaded directly. */
  #copy(node: AstNode, name: string): void {
    const copy = copyCall(node, name);
    if (copy === undefined) return;
    const [target, source] = copy as [AstNode, AstNode];
    const { analysis, report, extents, edits, texts } = this.#context;
    if (isOnlyExternal(analysis.valueOf(target))) this.#refuseStore(target);
    const kind = readKindOf(analysis.valueOf(source));
    if (kind === undefined) return;
    const parts = childrenOf(node)
      .slice(0, 4)
      .map((part) => extents.find(part));
    const [callee, first, second, third] = parts;
    const text = callee === undefined ? undefined : texts.get(callee.file);
    if (
      callee === undefined ||
      first === undefined ||
      second === undefined ||
      third === undefined ||
      text === undefined
    ) {
      const hint = `Use bpf_probe_read_${kind}(destination, size, source).`;
      report({ code: "RW031", message: `${name} from ${kind} memory cannot be rewritten here`, hint }, node);
      return;
    }
    const edit = edits.get(callee.file);
    edit?.replace(callee.start, callee.end, `bpf_probe_read_${kind}`);
    // The helper takes the size before the source.
    const size = text.slice(third.start, third.end);
    edit?.wrap(second.start, second.end, `${size}, `, "", "copy");
    edit?.replace(second.end, third.end, "");
  }

  #checkStore(node: AstNode): void {
    const target = storeTarget(node);
    if (target === undefined) return;
    if (isOnlyExternal(this.#context.analysis.locationOf(target).objects)) this.#refuseStore(target);
  }

  #refuseStore(target: AstNode): void {
    const extent = this.#context.extents.find(target);
    const text =
      extent === undefined
        ? ""
        : (this.#context.texts.get(extent.file)?.slice(extent.start, extent.end) ?? "");
    const what = text === "" ? "this" : `'${text}'`;
    this.#context.report(
      {
        code: "RW032",
        message: `cannot store to ${what}: it lies in kernel memory, which programs may only read`,
        hint: "Copy the value into a local variable and change that.",
      },
      target,
    );
  }
}

/** The node to judge a value's use by: parentheses do not count. */
function transparent(node: AstNode, parent: AstNode | undefined): AstNode | undefined {
  return node.kind === "ParenExpr" ? parent : node;
}

/** A lookup needs its type where it is dereferenced or computed with at once. */
function useOf(_node: AstNode, parent: AstNode | undefined): Use {
  switch (parent?.kind) {
    case "MemberExpr":
    case "ArraySubscriptExpr":
      return "typed";
    case "UnaryOperator":
      return parent.opcode === "!" ? "converted" : "typed";
    case "BinaryOperator":
      return parent.opcode === "+" || parent.opcode === "-" ? "typed" : "converted";
    case "UnaryExprOrTypeTraitExpr":
      return "typed";
    default:
      return "converted";
  }
}
