/** The binary format of a WebAssembly module around function bodies. */
import { ByteSink } from "./byte-sink.ts";
import { Op, ValueType } from "./wasm-op.ts";

/** Section ids. */
const Section = { Type: 1, Import: 2, Function: 3, Table: 4, Export: 7, Element: 9, Code: 10 } as const;

/** Kinds of imports and exports. */
const Kind = { Function: 0, Table: 1, Memory: 2 } as const;

/** Function types by index. */
const TYPE_BPF = 0;
const TYPE_ENTER = 1;
const FIRST_IMPORT_TYPE = 2;

/** Most parameters of an import: five wide arguments. */
const MAX_PARAMETERS = 10;

/** What a module consists of. */
export interface ModuleParts {
  /** Number of i32 parameters of each imported function, in order; all return i32. They are named "0", "1" ... in module "f". */
  readonly importParameters: readonly number[];
  /** Limits of the imported memory ("m" "m"), in WebAssembly pages. */
  readonly memoryPages: { readonly initial: number; readonly maximum: number };
  readonly bodies: readonly Uint8Array[];
  /** Body of the exported function "enter" (fn, base). */
  readonly enter: Uint8Array;
}

/** Index of `call_indirect`'s type for BPF functions. */
export const BPF_FUNCTION_TYPE = TYPE_BPF;

/** Encodes the module. */
export function encodeModule(parts: ModuleParts): Uint8Array {
  const out = new ByteSink(1024);
  out.bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const codeBytes = parts.bodies.reduce((sum, body) => sum + body.length + 8, parts.enter.length + 64);
  const section = new ByteSink(codeBytes);
  const finish = (id: number): void => {
    out.byte(id);
    out.u32(section.length);
    out.bytes(section.view());
    section.clear();
  };
  writeTypes(section);
  finish(Section.Type);
  writeImports(section, parts);
  finish(Section.Import);
  section.u32(parts.bodies.length + 1);
  for (let i = 0; i < parts.bodies.length; i++) section.u32(TYPE_BPF);
  section.u32(TYPE_ENTER);
  finish(Section.Function);
  // One table with all BPF functions, for entering by number.
  section.u32(1);
  section.byte2(0x70, 0);
  section.u32(parts.bodies.length);
  finish(Section.Table);
  section.u32(1);
  section.name("enter");
  section.byte(Kind.Function);
  section.u32(parts.importParameters.length + parts.bodies.length);
  finish(Section.Export);
  writeElements(section, parts);
  finish(Section.Element);
  section.u32(parts.bodies.length + 1);
  for (const body of [...parts.bodies, parts.enter]) {
    section.u32(body.length);
    section.bytes(body);
  }
  finish(Section.Code);
  return out.view().slice();
}

function writeTypes(section: ByteSink): void {
  section.u32(FIRST_IMPORT_TYPE + MAX_PARAMETERS + 1);
  // BPF functions: r1 to r5 and the frame's base; r0.
  writeType(section, [0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7f], [ValueType.I64]);
  writeType(section, [ValueType.I32, ValueType.I32], []);
  for (let count = 0; count <= MAX_PARAMETERS; count++) {
    writeType(section, new Array<number>(count).fill(ValueType.I32), [ValueType.I32]);
  }
}

function writeType(section: ByteSink, parameters: readonly number[], results: readonly number[]): void {
  section.byte(0x60);
  section.u32(parameters.length);
  for (const type of parameters) section.byte(type);
  section.u32(results.length);
  for (const type of results) section.byte(type);
}

function writeImports(section: ByteSink, parts: ModuleParts): void {
  section.u32(parts.importParameters.length + 1);
  section.name("m");
  section.name("m");
  section.byte2(Kind.Memory, 1);
  section.u32(parts.memoryPages.initial);
  section.u32(parts.memoryPages.maximum);
  parts.importParameters.forEach((count, i) => {
    section.name("f");
    section.name(String(i));
    section.byte(Kind.Function);
    section.u32(FIRST_IMPORT_TYPE + count);
  });
}

function writeElements(section: ByteSink, parts: ModuleParts): void {
  section.u32(1);
  section.u32(0);
  section.byte2(Op.I32Const, 0);
  section.byte(Op.End);
  section.u32(parts.bodies.length);
  for (let i = 0; i < parts.bodies.length; i++) section.u32(parts.importParameters.length + i);
}
