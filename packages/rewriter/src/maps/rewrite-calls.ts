/** Rewrites `map.method(...)` calls into helper calls; the arguments stay where they are. */
import type { ExtentFinder } from "../ast/extent.ts";
import { type AstNode, childrenOf } from "../ast/node.ts";
import type { Explanation } from "../memory/probe-read.ts";
import type { Finding } from "../report.ts";
import type { TextEdits } from "../text/edits.ts";
import { bracketSpan, nextToken } from "../text/scan.ts";
import { type MapCall, mapCallOf } from "./calls.ts";
import { callFault } from "./check-arguments.ts";
import type { FoundMap } from "./find-maps.ts";
import { mapMethod } from "./methods.ts";

/** What rewriting of calls needs. */
export interface CallContext {
  readonly maps: ReadonlyMap<string, FoundMap>;
  readonly mapNames: ReadonlySet<string>;
  readonly extents: ExtentFinder;
  readonly texts: ReadonlyMap<string, string>;
  readonly edits: ReadonlyMap<string, TextEdits>;
  readonly refuse: (finding: Finding, node: AstNode) => void;
  readonly explain: (explanation: Explanation) => void;
}

/** Where an expression's value goes, as far as `void *` may stand for the pointer to a value. */
export type Use = "converted" | "typed";

/**
 * Rewrites one CallExpr where it calls a method.
 * @param use `typed` where the call's own type matters (it is dereferenced at once), so that a cast is needed.
 * @param returns Type that the enclosing function returns.
 */
export function rewriteMapCall(node: AstNode, use: Use, returns: string, context: CallContext): boolean {
  const call = mapCallOf(node, context.mapNames);
  const map = call === undefined ? undefined : context.maps.get(call.map);
  if (call === undefined || map === undefined) return false;
  const method = mapMethod(call.method);
  const given = childrenOf(node).length - 1;
  if (method === undefined) {
    context.refuse({ code: "RW014", message: `invalid bpf_table operation ${call.method}` }, node);
    return true;
  }
  if (call.method === "lookup_or_init" && /^void\b(?!\s*\*)/.test(returns)) {
    const hint = "Use lookup_or_try_init and test its result.";
    const message = `lookup_or_init of '${call.map}' returns 0 from a function that returns nothing`;
    context.refuse({ code: "RW015", message, hint }, node);
    return true;
  }
  const { declaration } = map;
  if (
    call.method === "get_stackid" &&
    declaration.row.family !== "stacktrace" &&
    declaration.type !== "extern"
  ) {
    const hint = "Declare it with BPF_STACK_TRACE.";
    context.refuse({ code: "RW019", message: "get_stackid only available on stacktrace maps", hint }, node);
    return true;
  }
  const fault = callFault(call.method, call.map, declaration.type, node);
  if (fault !== undefined) {
    context.refuse(fault.finding, fault.node);
    if (fault.finding.severity !== "warning") return true;
  }
  if (call.method === "insert" && /^(?:percpu_)?array$/.test(declaration.type)) {
    const message = "all element of an array already exist; insert() will have no effect";
    context.refuse({ code: "RW045", message, severity: "warning", hint: "Use update." }, node);
  }
  const wanted = method.call.match(/\$\d/g)?.length ?? 0;
  const template = given === wanted ? method.call : given === wanted - 1 ? method.shortCall : undefined;
  if (template === undefined) {
    const message = `${call.method} of '${call.map}' takes ${wanted} arguments, not ${given}`;
    context.refuse({ code: "RW016", message }, node);
    return true;
  }
  const place = placeOf(node, call, context);
  if (place === undefined || place.arguments.length !== given) {
    const hint = "Write the map, the method and its arguments without macros around them.";
    context.refuse(
      { code: "RW017", message: "this map method comes out of a macro that cannot be rewritten", hint },
      node,
    );
    return true;
  }
  const edits = context.edits.get(place.file);
  if (edits === undefined) return true;
  if (use === "typed" && method.returnsValuePointer === true) {
    edits.wrap(place.start, place.close + 1, `((typeof(${call.map}.value))`, ")", "cast");
  }
  // Braces do not keep the commas in them together in a macro's argument.
  const text = context.texts.get(place.file) ?? "";
  for (const { start, end } of place.arguments)
    if (/\{[\s\S]*,/.test(text.slice(start, end))) edits.wrap(start, end, "(", ")", "braces");
  context.explain({
    file: place.file,
    offset: place.start,
    expression: text.slice(place.start, place.close + 1),
    reason: `${call.method} is a method of the map ${call.map}`,
  });
  applyTemplate(template.replaceAll("$m", call.map), place, edits);
  return true;
}

/** Puts a template's text around the arguments; blanks, comments and lines between them stay. */
function applyTemplate(template: string, place: CallPlace, edits: TextEdits): void {
  const [first = "", ...between] = template.split(/\$\d/);
  const open = first.indexOf("(") + 1;
  edits.replace(place.start, place.open + 1, first.slice(0, open));
  place.arguments.forEach((argument, index) => {
    const before = index === 0 ? first.slice(open) : afterComma(between[index - 1] ?? "");
    if (before !== "") edits.insert(argument.start, before);
    const piece = between[index] ?? "";
    const isLast = index === place.arguments.length - 1;
    const after = piece.slice(0, isLast ? piece.lastIndexOf(")") : piece.lastIndexOf(","));
    if (after !== "") edits.append(argument.end, after);
  });
}

/** What a piece between two arguments has behind the comma that the text has already. */
function afterComma(piece: string): string {
  return piece.slice(piece.lastIndexOf(",") + 1).trimStart();
}

interface CallPlace {
  readonly file: string;
  readonly start: number;
  /** Offset of the opening parenthesis. */
  readonly open: number;
  readonly close: number;
  readonly arguments: readonly { readonly start: number; readonly end: number }[];
}

function placeOf(node: AstNode, call: MapCall, context: CallContext): CallPlace | undefined {
  for (const extent of [...context.extents.candidates(call.callee), ...context.extents.candidates(node)]) {
    const text = context.texts.get(extent.file);
    if (text === undefined) continue;
    const open = nextToken(text, extent.end);
    if (open?.text !== "(") continue;
    const brackets = bracketSpan(text, open.start);
    if (brackets === undefined) continue;
    return {
      file: extent.file,
      start: extent.start,
      open: open.start,
      close: brackets.close,
      arguments: brackets.arguments,
    };
  }
  return undefined;
}
