/** Bytes of a relocatable BPF object to an ObjectFile. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { readHeader } from "./header.ts";
import {
  type ObjectFile,
  type ObjectRelocation,
  type ObjectSection,
  type ObjectSymbol,
  SectionType,
} from "./model.ts";
import { readRelocations } from "./relocation.ts";
import { type RawSection, walkSections } from "./section-walk.ts";
import { StringTable } from "./string-table.ts";
import { readSymbols } from "./symbol.ts";

/** Section types that are folded into the model, or that only index tables which are (address significance, groups). */
const bookkeeping: ReadonlySet<number> = new Set([
  SectionType.Null,
  SectionType.Symtab,
  SectionType.Strtab,
  SectionType.Rel,
  SectionType.Group,
  SectionType.SymtabShndx,
  SectionType.LlvmAddrsig,
]);

/**
 * Reads an object. Section data are views of `bytes`: do not modify them. `name` is for messages.
 * @throws BpfkitError `EL001` not ELF, `EL002` wrong machine, `EL003` wrong class or byte order, `EL004` not relocatable,
 * `EL005` cut off or damaged sections, `EL006` strings, `EL007` symbols, `EL008` relocations, `EL009` RELA
 */
export function readObject(bytes: Uint8Array, name = "object"): ObjectFile {
  const header = readHeader(bytes, name);
  const raw = walkSections(bytes, header, name);
  const kept = raw.flatMap((section, index) => (bookkeeping.has(section.type) ? [] : [index]));
  const numbers = new Map(kept.map((fileIndex, index) => [fileIndex, index]));
  const symtab = raw.findIndex((section) => section.type === SectionType.Symtab);
  const symbols = symtab < 0 ? [] : readSymbolTable(raw, symtab, numbers, name);
  const relocations = readAllRelocations(raw, symtab, symbols.length, name);
  const sections = kept.map((index) => contentSection(raw, index, relocations.get(index) ?? []));
  return { sections, symbols, flags: header.flags };
}

function readSymbolTable(
  raw: readonly RawSection[],
  symtab: number,
  numbers: ReadonlyMap<number, number>,
  name: string,
): ObjectSymbol[] {
  const section = raw[symtab];
  const strings = raw[section?.link ?? 0];
  if (section === undefined || strings?.type !== SectionType.Strtab) {
    throw new BpfkitError("EL007", `${name}: the symbol table has no string table`);
  }
  return readSymbols(section.data, new StringTable(strings.data, name), (index) => numbers.get(index), name);
}

/** Relocations by file index of the section they change. */
function readAllRelocations(
  raw: readonly RawSection[],
  symtab: number,
  symbolCount: number,
  name: string,
): Map<number, ObjectRelocation[]> {
  const all = new Map<number, ObjectRelocation[]>();
  checkOverlap(raw, name);
  for (const section of raw) {
    if (section.type === SectionType.Rela) {
      throw new BpfkitError(
        "EL009",
        `${name}: ${section.name} is a RELA section, which BPF compilers do not write`,
      );
    }
    if (section.type !== SectionType.Rel) continue;
    const target = raw[section.info];
    if (target === undefined || bookkeeping.has(target.type) || section.link !== symtab) {
      throw new BpfkitError(
        "EL008",
        `${name}: ${section.name} does not say which section and symbols it belongs to`,
      );
    }
    const list = readRelocations(section.data, target.data.length, symbolCount, `${name}: ${section.name}`);
    const known = all.get(section.info);
    if (known === undefined) all.set(section.info, list);
    else for (const relocation of list) known.push(relocation);
  }
  return all;
}

/** Relocation sections that share bytes would let a small file ask for endless work. */
function checkOverlap(raw: readonly RawSection[], name: string): void {
  const ranges = raw
    .filter((section) => section.type === SectionType.Rel && section.size > 0)
    .map(({ data }) => ({ start: data.byteOffset, end: data.byteOffset + data.length }))
    .sort((a, b) => a.start - b.start);
  for (const [index, range] of ranges.entries()) {
    if ((ranges[index + 1]?.start ?? Number.POSITIVE_INFINITY) < range.end) {
      throw new BpfkitError("EL008", `${name}: relocation sections overlap`, {
        hint: "The file is damaged.",
      });
    }
  }
}

function contentSection(
  raw: readonly RawSection[],
  index: number,
  relocations: readonly ObjectRelocation[],
): ObjectSection {
  const section = raw[index];
  if (section === undefined) throw new BpfkitError("EL005", `section ${index} is missing`);
  const { name, type, flags, addressAlign, entrySize, size, data } = section;
  return { name, type, flags, addressAlign, entrySize, size, data, relocations };
}
