/** An ObjectFile to the bytes of a relocatable BPF object: ELF64, little-endian, the same bytes for the same input. */
import { ByteWriter } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { elfHeaderSize, sectionHeaderSize } from "./header.ts";
import { machineBpf, type ObjectFile, type ObjectSection, SectionFlag, SectionType } from "./model.ts";
import { relocationSize, writeRelocation } from "./relocation.ts";
import { isAlignment } from "./section-walk.ts";
import { StringTableBuilder } from "./string-table.ts";
import { symbolSize, writeSymbol } from "./symbol.ts";

/** A section as it goes into the file. */
interface OutputSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly addressAlign: number;
  readonly entrySize: number;
  readonly data: Uint8Array;
}

/** File indices from here on have special meanings (SHN_LORESERVE). */
const firstReservedIndex = 0xff00;

/**
 * Writes an object. Content sections keep their order from index 1 on; then come the .rel sections in the order of their
 * targets, .symtab and .strtab. Local symbols are moved in front of the others (ELF requires it) and relocations follow.
 * @throws BpfkitError `EL012` where the object contradicts itself
 */
export function writeObject(object: ObjectFile): Uint8Array {
  check(object);
  const content = object.sections.length;
  const relocated = object.sections.flatMap((section, index) =>
    section.relocations.length > 0 ? [index] : [],
  );
  const symtabIndex = 1 + content + relocated.length;
  const strings = new StringTableBuilder();
  const order = symbolOrder(object);
  const outputs: OutputSection[] = object.sections.map((section) => ({ ...section, link: 0, info: 0 }));
  for (const index of relocated) outputs.push(relocationSection(object, index, symtabIndex, order));
  outputs.push(symbolTable(object, order, symtabIndex + 1, strings));
  for (const section of [...outputs, { name: ".strtab" }]) strings.add(section.name);
  const table = strings.finish();
  outputs.push({ ...bookkeeping(".strtab", SectionType.Strtab, table), addressAlign: 1 });
  return layout(outputs, strings, object.flags);
}

function check(object: ObjectFile): void {
  const count = object.sections.length;
  if (count * 2 + 3 >= firstReservedIndex)
    throw new BpfkitError("EL012", `${count} sections are too many for ELF`);
  for (const section of object.sections) {
    if (section.type !== SectionType.Nobits && section.size !== section.data.length) {
      throw new BpfkitError(
        "EL012",
        `section ${section.name} says ${section.size} bytes but has ${section.data.length}`,
      );
    }
    if (!isAlignment(section.addressAlign)) {
      throw new BpfkitError(
        "EL012",
        `section ${section.name} has the impossible alignment ${section.addressAlign}`,
      );
    }
    for (const relocation of section.relocations) {
      if (object.symbols[relocation.symbol] === undefined) {
        throw new BpfkitError(
          "EL012",
          `a relocation of ${section.name} names symbol ${relocation.symbol}, which is not there`,
        );
      }
    }
  }
  for (const symbol of object.symbols) {
    if (typeof symbol.section === "number" && object.sections[symbol.section] === undefined) {
      throw new BpfkitError(
        "EL012",
        `symbol ${symbol.name} is in section ${symbol.section}, which is not there`,
      );
    }
  }
}

/** Symbols in file order, and the file index of each by its index in the object. */
interface SymbolOrder {
  readonly sequence: readonly number[];
  readonly fileIndex: readonly number[];
  readonly localCount: number;
}

function symbolOrder(object: ObjectFile): SymbolOrder {
  const locals: number[] = [];
  const others: number[] = [];
  for (const [index, symbol] of object.symbols.entries())
    (symbol.binding === "local" ? locals : others).push(index);
  const sequence = [...locals, ...others];
  const fileIndex: number[] = new Array(sequence.length).fill(0);
  for (const [position, index] of sequence.entries()) fileIndex[index] = position + 1;
  return { sequence, fileIndex, localCount: locals.length };
}

function bookkeeping(name: string, type: number, data: Uint8Array): OutputSection {
  return { name, type, flags: 0, size: data.length, link: 0, info: 0, addressAlign: 8, entrySize: 0, data };
}

function relocationSection(
  object: ObjectFile,
  index: number,
  symtab: number,
  order: SymbolOrder,
): OutputSection {
  const target = object.sections[index] as ObjectSection;
  const writer = new ByteWriter();
  for (const relocation of target.relocations) {
    writeRelocation(writer, relocation, order.fileIndex[relocation.symbol] ?? 0);
  }
  return {
    ...bookkeeping(`.rel${target.name}`, SectionType.Rel, writer.finish()),
    flags: SectionFlag.InfoLink,
    link: symtab,
    info: index + 1,
    entrySize: relocationSize,
  };
}

function symbolTable(
  object: ObjectFile,
  order: SymbolOrder,
  strtab: number,
  strings: StringTableBuilder,
): OutputSection {
  const writer = new ByteWriter().zeros(symbolSize);
  for (const index of order.sequence) {
    const symbol = object.symbols[index];
    if (symbol !== undefined) writeSymbol(writer, symbol, strings.add(symbol.name), (section) => section + 1);
  }
  return {
    ...bookkeeping(".symtab", SectionType.Symtab, writer.finish()),
    link: strtab,
    info: order.localCount + 1,
    entrySize: symbolSize,
  };
}

function layout(sections: readonly OutputSection[], strings: StringTableBuilder, flags: number): Uint8Array {
  const writer = new ByteWriter().zeros(elfHeaderSize);
  const offsets: number[] = [];
  for (const section of sections) {
    if (section.type !== SectionType.Nobits) writer.align(Math.max(1, section.addressAlign));
    offsets.push(writer.length);
    if (section.type !== SectionType.Nobits) writer.bytes(section.data);
  }
  writer.align(8);
  const headers = writer.length;
  writer.zeros(sectionHeaderSize);
  for (const [index, section] of sections.entries()) {
    writer.u32(strings.add(section.name)).u32(section.type).u64(section.flags).u64(0);
    writer
      .u64(offsets[index] ?? 0)
      .u64(section.size)
      .u32(section.link)
      .u32(section.info);
    writer.u64(section.addressAlign).u64(section.entrySize);
  }
  const bytes = writer.finish();
  bytes.set(elfHeader(headers, sections.length + 1, flags));
  return bytes;
}

function elfHeader(sectionHeaders: number, sectionCount: number, flags: number): Uint8Array {
  const writer = new ByteWriter();
  // ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE
  writer.bytes(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0)).zeros(8);
  // ET_REL
  writer.u16(1).u16(machineBpf).u32(1).u64(0).u64(0).u64(sectionHeaders).u32(flags);
  writer
    .u16(elfHeaderSize)
    .u16(0)
    .u16(0)
    .u16(sectionHeaderSize)
    .u16(sectionCount)
    .u16(sectionCount - 1);
  return writer.finish();
}
