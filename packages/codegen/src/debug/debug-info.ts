/** Adds .BTF and .BTF.ext to an emitted object, in the order LLVM's BTFDebug meets things. */
import type { CoreRelocation, FuncInfo, LineInfo } from "@bpfkit/elf/btf";
import { encodeExtInfo } from "@bpfkit/elf/btf";
import type { ObjectFile, ObjectSection } from "@bpfkit/elf/object";
import { SectionType } from "@bpfkit/elf/object";
import type { IrFunction, IrModule } from "../ir/index.ts";
import { DebugNodes } from "../ir/index.ts";
import { coreRelocation } from "./core-relocations.ts";
import { DataSections } from "./data-sections.ts";
import type { EmittedFunction, EmittedModule } from "./emitted-module.ts";
import { addFunction, ExternalFunctions } from "./functions.ts";
import { addGlobals } from "./globals.ts";
import { lineRecords, SourceLines } from "./lines.ts";
import { TypeVisitor } from "./types.ts";

/** Options of {@link addDebugInfo}. */
export interface DebugInfoOptions {
  /** Text of a source file as DIFile names it; undefined where it is not known. */
  readonly sourceText: (file: string) => string | undefined;
}

/** The records of .BTF.ext by section. */
interface ExtRecords {
  readonly funcs: Map<string, FuncInfo[]>;
  readonly lines: Map<string, LineInfo[]>;
  readonly coreRelocations: Map<string, CoreRelocation[]>;
}

/** State while functions are added. */
interface Context {
  readonly module: IrModule;
  readonly emitted: EmittedModule;
  readonly visitor: TypeVisitor;
  readonly externals: ExternalFunctions;
  readonly lines: SourceLines;
  readonly records: ExtRecords;
  /** Functions that instructions refer to, by section and byte offset. */
  readonly references: ReadonlyMap<string, ReadonlyMap<number, IrFunction>>;
}

/** The object with debug sections appended; unchanged where the module has no debug information. */
export function addDebugInfo(
  module: IrModule,
  emitted: EmittedModule,
  options: DebugInfoOptions,
): ObjectFile {
  if (!module.namedMetadata.has("llvm.dbg.cu")) return emitted.object;
  const nodes = new DebugNodes(module.metadata);
  const visitor = new TypeVisitor(nodes);
  const sections = new DataSections();
  const externals = new ExternalFunctions(visitor, sections);
  const placed = new Map(emitted.globals.map((each) => [each.global, each]));
  const sectionOf = (global: Parameters<typeof placed.get>[0]): string | undefined =>
    placed.get(global)?.section;
  const globals = { module, visitor, sections, externals, sectionOf };
  const records: ExtRecords = { funcs: new Map(), lines: new Map(), coreRelocations: new Map() };
  const context: Context = {
    module,
    emitted,
    visitor,
    externals,
    lines: new SourceLines(nodes, options.sourceText),
    records,
    references: functionReferences(module, emitted.object),
  };
  addGlobals(globals, "maps");
  for (const fn of emitted.functions) addFunctionRecords(context, fn);
  addGlobals(globals, "others");
  const offsets = new Map(emitted.globals.map((each) => [each.global.name, each]));
  sections.finish(visitor.drafts, (entry) => {
    const variable = offsets.get(entry.symbol);
    const local = variable?.global.linkage === "internal" || variable?.global.linkage === "private";
    return local ? (variable?.offset ?? 0) : 0;
  });
  visitor.settleForwards();
  visitor.drafts.finish();
  const { builder } = visitor.drafts;
  const hasRecords = records.funcs.size > 0 || records.coreRelocations.size > 0;
  const ext = hasRecords ? [debugSection(".BTF.ext", encodeExtInfo(records, builder))] : [];
  const added = [debugSection(".BTF", builder.encode()), ...ext];
  return { ...emitted.object, sections: [...emitted.object.sections, ...added] };
}

function addFunctionRecords(context: Context, emitted: EmittedFunction): void {
  const { visitor, records } = context;
  const id = addFunction(visitor, emitted.fn);
  const subprogram = visitor.nodes.get(emitted.fn.subprogram);
  if (id === undefined || subprogram === undefined) return;
  const { section } = emitted;
  append(records.funcs, section, [{ insnOffset: emitted.offset, typeId: id }]);
  const calls = context.references.get(section);
  for (const { offset, coreRelocation: global } of emitted.instructions) {
    const callee = calls?.get(offset);
    if (callee !== undefined) context.externals.refer(callee);
    if (global === undefined) continue;
    const { record, immediate } = coreRelocation(visitor, global, offset);
    append(records.coreRelocations, section, [record]);
    if (immediate !== undefined) patchImmediate(context.emitted.object, section, offset, immediate);
  }
  append(records.lines, section, lineRecords(visitor.nodes, context.lines, emitted, subprogram));
}

function append<T>(map: Map<string, T[]>, section: string, items: readonly T[]): void {
  const known = map.get(section);
  if (known === undefined) map.set(section, [...items]);
  else known.push(...items);
}

/** Writes the immediate of an instruction that was emitted before it could be known. */
function patchImmediate(object: ObjectFile, sectionName: string, offset: number, value: number): void {
  const section = object.sections.find((each) => each.name === sectionName);
  if (section === undefined) return;
  const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
  view.setInt32(offset + 4, value, true);
}

/** Which instructions refer to which functions, by the relocations of their sections. */
function functionReferences(
  module: IrModule,
  object: ObjectFile,
): ReadonlyMap<string, ReadonlyMap<number, IrFunction>> {
  const sections = new Map<string, Map<number, IrFunction>>();
  for (const section of object.sections) {
    const found = new Map<number, IrFunction>();
    for (const relocation of section.relocations) {
      const name = object.symbols[relocation.symbol]?.name ?? "";
      const symbol = module.symbols.get(name);
      if (symbol?.kind === "function") found.set(relocation.offset, symbol);
    }
    sections.set(section.name, found);
  }
  return sections;
}

function debugSection(name: string, data: Uint8Array): ObjectSection {
  return {
    name,
    type: SectionType.Progbits,
    flags: 0,
    addressAlign: 4,
    entrySize: 0,
    size: data.length,
    data,
    relocations: [],
  };
}
