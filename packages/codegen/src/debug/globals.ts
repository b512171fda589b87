/** BTF of global variables. Facts: llvm/lib/Target/BPF/BTFDebug.cpp. */
import type { BtfLinkage } from "@bpfkit/elf/btf";
import type { Constant, DebugNode, IrGlobal, IrModule } from "../ir/index.ts";
import { sizeOf } from "../ir/index.ts";
import { addDeclTags } from "./annotations.ts";
import type { DataSections } from "./data-sections.ts";
import type { ExternalFunctions } from "./functions.ts";
import { visitMapDefinition } from "./map-definitions.ts";
import type { TypeVisitor } from "./types.ts";

const described = new Set(["internal", "external", "weak", "weak_odr", "extern_weak"]);

/** What the pass over the variables works on. */
export interface GlobalContext {
  readonly module: IrModule;
  readonly visitor: TypeVisitor;
  readonly sections: DataSections;
  readonly externals: ExternalFunctions;
  /** The section of a variable that is defined here. */
  readonly sectionOf: (global: IrGlobal) => string | undefined;
}

/** Adds the variables in `.maps` (first, before any function) or all others (last). */
export function addGlobals(context: GlobalContext, which: "maps" | "others"): void {
  for (const global of context.module.globals) {
    const section = sectionName(context, global);
    if ((which === "maps") !== section.startsWith(".maps")) continue;
    if (section === ".rodata" && global.linkage === "private") context.sections.declare(section);
    const variable = variableOf(context.visitor, global);
    if (variable !== undefined) addGlobal(context, global, variable, section);
  }
}

/** The section of a variable; "" for externs without one. */
function sectionName(context: GlobalContext, global: IrGlobal): string {
  if (global.initializer === undefined) return global.section ?? "";
  return context.sectionOf(global) ?? global.section ?? "";
}

/** The DIGlobalVariable of a variable. */
function variableOf(visitor: TypeVisitor, global: IrGlobal): DebugNode | undefined {
  const expression = visitor.nodes.get(global.debugVariables[0]);
  if (expression === undefined) return undefined;
  return expression.tag === "DIGlobalVariable" ? expression : visitor.nodes.reference(expression, "var");
}

function addGlobal(context: GlobalContext, global: IrGlobal, variable: DebugNode, section: string): void {
  const { visitor, sections } = context;
  const { drafts, nodes } = visitor;
  const typeNode = nodes.reference(variable, "type");
  const type = section.startsWith(".maps") ? visitMapDefinition(visitor, typeNode) : visitor.visit(typeNode);
  if (!described.has(global.linkage)) return;
  const { name } = global;
  const linkage = linkageOf(global);
  const id = drafts.add(undefined, () => ({ kind: "var", name, type, linkage }));
  addDeclTags(drafts, variable, id, -1);
  if (section === "") return;
  sections.add(section, { type: id, symbol: name, size: sizeOf(global.valueType) });
  if (global.initializer !== undefined) referFunctions(context, global.initializer);
}

function linkageOf(global: IrGlobal): BtfLinkage {
  if (global.linkage === "internal") return "static";
  return global.initializer === undefined ? "extern" : "global";
}

/** Function pointers in an initializer refer to external functions, as in struct_ops maps. */
function referFunctions(context: GlobalContext, initializer: Constant): void {
  const pending: Constant[] = [initializer];
  for (let constant = pending.pop(); constant !== undefined; constant = pending.pop()) {
    if (constant.kind === "function") context.externals.refer(constant);
    else if (constant.kind === "aggregate") pending.push(...constant.elements.slice().reverse());
  }
}
