/** BTF of functions: definitions with argument names, and external ones that code refers to. */
import type { DebugNode, IrFunction } from "../ir/index.ts";
import { addDeclTags } from "./annotations.ts";
import type { DataSections } from "./data-sections.ts";
import type { TypeVisitor } from "./types.ts";

/** Parameters among the retained nodes of a subprogram. */
function parametersOf(visitor: TypeVisitor, subprogram: DebugNode): DebugNode[] {
  const { nodes } = visitor;
  return nodes
    .nodes(subprogram, "retainedNodes")
    .filter((each) => each.tag === "DILocalVariable" && nodes.number(each, "arg") > 0);
}

/** Adds a function definition; returns the number of its `func`. Undefined where it has no debug information. */
export function addFunction(visitor: TypeVisitor, fn: IrFunction): number | undefined {
  const { nodes } = visitor;
  const subprogram = nodes.get(fn.subprogram);
  if (subprogram === undefined) return undefined;
  const names = new Map<number, string>();
  for (const parameter of parametersOf(visitor, subprogram)) {
    visitor.visit(nodes.reference(parameter, "type"));
    names.set(nodes.number(parameter, "arg"), nodes.text(parameter, "name"));
  }
  const type = nodes.reference(subprogram, "type");
  const prototype = type === undefined ? 0 : visitor.visitFunctionType(type, names, false);
  const local = nodes.hasFlag(subprogram, "spFlags", "DISPFlagLocalToUnit");
  return addSubprogram(visitor, subprogram, prototype, local ? "static" : "global");
}

function addSubprogram(
  visitor: TypeVisitor,
  subprogram: DebugNode,
  prototype: number,
  linkage: "static" | "global" | "extern",
): number {
  const { nodes, drafts } = visitor;
  const name = nodes.text(subprogram, "name");
  const id = drafts.add(undefined, () => ({ kind: "func", name, type: prototype, linkage }));
  for (const parameter of parametersOf(visitor, subprogram)) {
    addDeclTags(drafts, parameter, id, nodes.number(parameter, "arg") - 1);
  }
  addDeclTags(drafts, subprogram, id, -1);
  return id;
}

/** Functions that are used but defined elsewhere: kfuncs, callbacks, code of other objects. */
export class ExternalFunctions {
  private readonly visitor: TypeVisitor;
  private readonly sections: DataSections;
  private readonly known = new Set<IrFunction>();

  constructor(visitor: TypeVisitor, sections: DataSections) {
    this.visitor = visitor;
    this.sections = sections;
  }

  /** Adds the function if it is declared with debug information and was not added before. */
  refer(fn: IrFunction): void {
    const { nodes } = this.visitor;
    const subprogram = nodes.get(fn.subprogram);
    if (subprogram === undefined || nodes.hasFlag(subprogram, "spFlags", "DISPFlagDefinition")) return;
    if (this.known.has(fn)) return;
    this.known.add(fn);
    const type = nodes.reference(subprogram, "type");
    const prototype = type === undefined ? 0 : this.functionType(type);
    const id = addSubprogram(this.visitor, subprogram, prototype, "extern");
    if (fn.section !== undefined) this.sections.add(fn.section, { type: id, symbol: fn.name, size: 0 });
  }

  private functionType(type: DebugNode): number {
    return this.visitor.visitFunctionType(type, new Map(), true);
  }
}
