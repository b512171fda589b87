/** Writes the smallest ELF files from which the names of addresses can be read: one segment of code, one symbol table. */
import { ByteWriter } from "@bpfkit/base/bytes";

/** One function. Addresses are those of the file. */
export interface FunctionSymbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
}

const HeaderSize = 64;
const ProgramHeaderSize = 56;
const SectionHeaderSize = 64;
const SymbolSize = 24;

const SectionType = { null: 0, progbits: 1, symtab: 2, strtab: 3 } as const;
/** SHF_ALLOC | SHF_EXECINSTR. */
const CodeFlags = 6;
/** STB_GLOBAL << 4 | STT_FUNC. */
const GlobalFunction = 0x12;
const SharedObject = 3;
const MachineX86 = 62;

interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly content: Uint8Array;
  readonly link: number;
  readonly entrySize: number;
}

/** Strings one after the other, each with its final zero; the first one is empty. */
function stringTable(names: readonly string[]): { readonly bytes: Uint8Array; readonly offsets: number[] } {
  const offsets: number[] = [];
  let text = "\0";
  for (const name of names) {
    offsets.push(text.length);
    text += `${name}\0`;
  }
  return { bytes: new TextEncoder().encode(text), offsets };
}

/** A shared object for x86-64 whose code is at `textOffset` of the file and at the same address. */
export function elfWithSymbols(functions: readonly FunctionSymbol[], textOffset: number): Uint8Array {
  const strings = stringTable(functions.map(({ name }) => name));
  const symbols = new ByteWriter();
  symbols.bytes(new Uint8Array(SymbolSize));
  functions.forEach(({ address, size }, index) => {
    symbols.u32(strings.offsets[index] ?? 0);
    symbols.u8(GlobalFunction);
    symbols.u8(0);
    symbols.u16(1);
    symbols.u64(BigInt(address));
    symbols.u64(BigInt(size));
  });
  const codeSize = functions.reduce(
    (end, { address, size }) => Math.max(end, address + size - textOffset),
    0,
  );
  const none = { flags: 0, address: 0, link: 0, entrySize: 0, content: new Uint8Array(0) };
  const names = [".text", ".symtab", ".strtab", ".shstrtab"];
  const sections: Section[] = [
    { ...none, name: "", type: SectionType.null },
    {
      ...none,
      name: ".text",
      type: SectionType.progbits,
      flags: CodeFlags,
      address: textOffset,
      content: new Uint8Array(codeSize).fill(0xcc),
    },
    {
      ...none,
      name: ".symtab",
      type: SectionType.symtab,
      content: symbols.finish(),
      link: 3,
      entrySize: SymbolSize,
    },
    { ...none, name: ".strtab", type: SectionType.strtab, content: strings.bytes },
    { ...none, name: ".shstrtab", type: SectionType.strtab, content: stringTable(names).bytes },
  ];
  return assemble(sections, textOffset, codeSize);
}

function assemble(sections: readonly Section[], textOffset: number, codeSize: number): Uint8Array {
  const offsets: number[] = [];
  let end = textOffset;
  for (const { type, content } of sections) {
    offsets.push(type === SectionType.null ? 0 : end);
    end = (end + content.length + 7) & ~7;
  }
  const names = stringTable(sections.slice(1).map(({ name }) => name));
  const out = new ByteWriter();
  writeHeader(out, end, sections.length);
  out.u32(1); // PT_LOAD
  out.u32(5); // readable, executable
  for (const value of [textOffset, textOffset, textOffset, codeSize, codeSize, 0x1000])
    out.u64(BigInt(value));
  out.bytes(new Uint8Array(textOffset - HeaderSize - ProgramHeaderSize));
  for (const { content } of sections) {
    out.bytes(content);
    out.bytes(new Uint8Array((8 - (content.length % 8)) % 8));
  }
  sections.forEach(({ type, flags, address, content, link, entrySize }, index) => {
    out.u32(index === 0 ? 0 : (names.offsets[index - 1] ?? 0));
    out.u32(type);
    for (const value of [flags, address, offsets[index] ?? 0, content.length]) out.u64(BigInt(value));
    out.u32(link);
    out.u32(type === SectionType.symtab ? 1 : 0);
    out.u64(8n);
    out.u64(BigInt(entrySize));
  });
  return out.finish();
}

function writeHeader(out: ByteWriter, sectionsAt: number, sectionCount: number): void {
  out.bytes(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  out.u16(SharedObject);
  out.u16(MachineX86);
  out.u32(1);
  for (const value of [0, HeaderSize, sectionsAt]) out.u64(BigInt(value));
  out.u32(0);
  for (const value of [HeaderSize, ProgramHeaderSize, 1, SectionHeaderSize, sectionCount, sectionCount - 1]) {
    out.u16(value);
  }
}
