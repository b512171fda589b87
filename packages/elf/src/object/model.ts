/** A relocatable BPF object as plain data: sections, symbols and relocations, with the bookkeeping sections folded away. */

/** Section types (ELF gABI, sh_type). */
export const SectionType = {
  Null: 0,
  Progbits: 1,
  Symtab: 2,
  Strtab: 3,
  Rela: 4,
  Note: 7,
  Nobits: 8,
  Rel: 9,
  Group: 17,
  SymtabShndx: 18,
  /** SHT_LLVM_ADDRSIG: written by clang, of no use to loaders. */
  LlvmAddrsig: 0x6fff_4c03,
} as const;

/** Section flags (ELF gABI, sh_flags). */
export const SectionFlag = {
  Write: 0x1,
  Alloc: 0x2,
  Execinstr: 0x4,
  Merge: 0x10,
  Strings: 0x20,
  InfoLink: 0x40,
  Exclude: 0x8000_0000,
} as const;

/** Relocation types of BPF objects (LLVM's documentation "BPF back end: relocations"; kernel Documentation/bpf/llvm_reloc.rst). */
export const RelocationType = {
  R_BPF_NONE: 0,
  /** A 64-bit immediate load: map, variable, function address. */
  R_BPF_64_64: 1,
  R_BPF_64_ABS64: 2,
  R_BPF_64_ABS32: 3,
  /** 32 bits in .BTF and .BTF.ext that no dynamic linker may change. */
  R_BPF_64_NODYLD32: 4,
  /** A call. */
  R_BPF_64_32: 10,
} as const;

/** e_machine of BPF. */
export const machineBpf = 247;

/** One relocation of a section. SHT_REL: the addend is in the section's bytes. */
export interface ObjectRelocation {
  /** Bytes from the start of the section. */
  readonly offset: number;
  /** A {@link RelocationType}. */
  readonly type: number;
  /** Index in {@link ObjectFile.symbols}. */
  readonly symbol: number;
}

/** A section with content of its own. */
export interface ObjectSection {
  readonly name: string;
  /** A {@link SectionType}. */
  readonly type: number;
  /** {@link SectionFlag} bits. */
  readonly flags: number;
  /** Power of two, or 0 and 1 for none. */
  readonly addressAlign: number;
  /** Bytes per entry in tables, else 0. */
  readonly entrySize: number;
  /** Bytes in memory; equals `data.length` except for Nobits (.bss), whose data is empty. */
  readonly size: number;
  readonly data: Uint8Array;
  /** In file order. */
  readonly relocations: readonly ObjectRelocation[];
}

/** Where a symbol lives: an index in {@link ObjectFile.sections}, or one of ELF's special places. */
export type SymbolSection = number | "undefined" | "absolute" | "common";

/** One symbol; the null symbol is not among them. */
export interface ObjectSymbol {
  readonly name: string;
  /** Bytes from the start of its section. */
  readonly value: number;
  /** Bytes. */
  readonly size: number;
  readonly binding: "local" | "global" | "weak";
  readonly type: "notype" | "object" | "func" | "section" | "file";
  readonly visibility: "default" | "hidden" | "protected" | "internal";
  readonly section: SymbolSection;
}

/** A relocatable object. The null section, symbol and string tables and relocation sections are not in `sections`. */
export interface ObjectFile {
  readonly sections: readonly ObjectSection[];
  /** Locals first, as ELF wants them; the writer sorts and renumbers if they are not. */
  readonly symbols: readonly ObjectSymbol[];
  /** e_flags; 0 for clang's output. */
  readonly flags: number;
}
