/** The functions of a program or library by address: symbol records are read at once, names only when one is found. */
import type { ReadableFile } from "@bpfkit/base/kernel";
import type { ElfImage, ImageSection } from "./elf-image.ts";
import { SymbolIndex } from "./symbol-index.ts";

/** Found in a file. */
export interface ElfSymbol {
  /** As the file spells it, mangled. */
  readonly name: string;
  /** Bytes from the symbol's start. */
  readonly offset: number;
}

const symbolSize = 24;
/** A bigger symbol table than any program's: Chromium's has about a million records. */
const largestTable = 1 << 30;
/** Section types (gABI). */
const [symtabType, dynsymType] = [2, 11];
/** SHF_EXECINSTR. */
const executableFlag = 4;
/** STT_NOTYPE, STT_FUNC, STT_GNU_IFUNC. */
const [noType, functionType, indirectType] = [0, 2, 10];
/** Local, global and weak bindings, as perf prefers them. */
const rankByBinding = [1, 3, 2] as const;

const decoder = new TextDecoder();

/** Functions, and labels without a type in code, which assembler files leave. */
interface Columns {
  readonly starts: Float64Array;
  readonly sizes: Float64Array;
  readonly limits: Float64Array;
  readonly ranks: Uint8Array;
  /** Offsets in the string table. */
  readonly names: Uint32Array;
}

/** The symbol table of one file: .symtab, or .dynsym where that was stripped. */
export class ElfSymbols {
  readonly #file: ReadableFile;
  readonly #strings: ImageSection;
  readonly #functions: Columns;
  readonly #labels: Columns;
  readonly #functionIndex: SymbolIndex;
  readonly #labelIndex: SymbolIndex;
  readonly #known = new Map<number, string>();

  private constructor(
    file: ReadableFile,
    strings: ImageSection,
    columns: { functions: Columns; labels: Columns },
  ) {
    this.#file = file;
    this.#strings = strings;
    this.#functions = columns.functions;
    this.#labels = columns.labels;
    this.#functionIndex = new SymbolIndex(columns.functions);
    this.#labelIndex = new SymbolIndex(columns.labels);
  }

  /** Undefined where the file has no symbols at all. */
  static read(image: ElfImage): ElfSymbols | undefined {
    return ElfSymbols.#table(image, symtabType) ?? ElfSymbols.#table(image, dynsymType);
  }

  /** True for files whose full table is there. */
  static isComplete(image: ElfImage): boolean {
    return image.sections.some(({ type, size }) => type === symtabType && size > symbolSize);
  }

  static #table(image: ElfImage, type: number): ElfSymbols | undefined {
    const table = image.sections.find((section) => section.type === type && section.size > symbolSize);
    const strings = table === undefined ? undefined : image.sections[table.link];
    if (table === undefined || strings === undefined || table.size > largestTable) return undefined;
    const columns = readColumns(image.file.read(table.offset, table.size), image.sections);
    return new ElfSymbols(image.file, strings, columns);
  }

  /** The function that holds an address as the file counts it. */
  find(address: number): ElfSymbol | undefined {
    let columns = this.#functions;
    let entry = this.#functionIndex.find(address);
    if (entry === -1) {
      columns = this.#labels;
      entry = this.#labelIndex.find(address);
    }
    if (entry === -1) return undefined;
    return { name: this.#name(columns.names[entry] ?? 0), offset: address - (columns.starts[entry] ?? 0) };
  }

  #name(at: number): string {
    let name = this.#known.get(at);
    if (name === undefined) {
      name = this.#readName(at);
      this.#known.set(at, name);
    }
    return name;
  }

  /** Names are short; those of C++ templates can be thousands of bytes long. */
  #readName(at: number): string {
    const { offset, size } = this.#strings;
    for (let length = 128; ; length *= 16) {
      const wanted = Math.min(length, Math.max(0, size - at));
      const bytes = this.#file.read(offset + at, wanted);
      const end = bytes.indexOf(0);
      if (end !== -1 || bytes.length < length) {
        return decoder.decode(end === -1 ? bytes : bytes.subarray(0, end));
      }
    }
  }
}

/** What a record of the symbol table is. */
const Sort = { other: 0, function: 1, label: 2 } as const;

/** Picks code out of symbol records. */
function readColumns(
  bytes: Uint8Array,
  sections: readonly ImageSection[],
): { functions: Columns; labels: Columns } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.length / symbolSize);
  const isCode = sections.map(({ flags }) => (flags & executableFlag) !== 0);
  const sorts = new Uint8Array(count);
  for (let index = 1; index < count; index++) {
    const at = index * symbolSize;
    const sectionIndex = view.getUint16(at + 6, true);
    if (sectionIndex === 0 || view.getUint32(at, true) === 0) continue;
    const type = view.getUint8(at + 4) & 15;
    if (type === functionType || type === indirectType) sorts[index] = Sort.function;
    else if (type === noType && isCode[sectionIndex] === true) sorts[index] = Sort.label;
  }
  const ends = sections.map(({ address, size }) => address + size);
  return {
    functions: columnsOf(view, sorts, Sort.function, ends),
    labels: columnsOf(view, sorts, Sort.label, ends),
  };
}

function columnsOf(view: DataView, sorts: Uint8Array, wanted: number, ends: readonly number[]): Columns {
  let count = 0;
  for (const sort of sorts) if (sort === wanted) count += 1;
  const columns = {
    starts: new Float64Array(count),
    sizes: new Float64Array(count),
    limits: new Float64Array(count),
    ranks: new Uint8Array(count),
    names: new Uint32Array(count),
  };
  const number = (at: number) => view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  let entry = 0;
  for (let index = 0; index < sorts.length; index++) {
    if (sorts[index] !== wanted) continue;
    const at = index * symbolSize;
    columns.starts[entry] = number(at + 8);
    columns.sizes[entry] = number(at + 16);
    columns.limits[entry] = ends[view.getUint16(at + 6, true)] ?? Number.POSITIVE_INFINITY;
    columns.ranks[entry] = rankByBinding[view.getUint8(at + 4) >> 4] ?? 0;
    columns.names[entry] = view.getUint32(at, true);
    entry += 1;
  }
  return columns;
}
