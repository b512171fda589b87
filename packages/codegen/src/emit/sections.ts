/** Sections in the making: bytes that grow, and where each symbol went. */
import type { ObjectRelocation, ObjectSection } from "@bpfkit/elf/object";
import { SectionFlag, SectionType } from "@bpfkit/elf/object";
import { sizeOf } from "../ir/data-layout.ts";
import { floatBits } from "../ir/float.ts";
import type { IrGlobal } from "../ir/module.ts";
import type { Constant } from "../ir/value.ts";

/** A section that is being filled. */
export interface SectionDraft {
  readonly name: string;
  readonly type: number;
  flags: number;
  align: number;
  readonly entrySize: number;
  size: number;
  readonly chunks: { readonly offset: number; readonly bytes: Uint8Array }[];
  readonly relocations: ObjectRelocation[];
}

/** What kind of section a variable goes to. */
export interface SectionChoice {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly entrySize: number;
}

/** Sections by name, in the order they were first asked for. */
export class SectionTable {
  readonly drafts: SectionDraft[] = [];
  readonly #indices = new Map<string, number>();

  /** Index of a section; it is made where it does not exist. */
  indexOf(choice: SectionChoice): number {
    const known = this.#indices.get(choice.name);
    if (known !== undefined) {
      // One writable variable makes the whole section writable.
      this.drafts[known]!.flags |= choice.flags & SectionFlag.Write;
      return known;
    }
    this.drafts.push({ ...choice, align: 1, size: 0, chunks: [], relocations: [] });
    this.#indices.set(choice.name, this.drafts.length - 1);
    return this.drafts.length - 1;
  }

  /** Reserves room; returns the offset. */
  reserve(index: number, size: number, align: number): number {
    const draft = this.drafts[index]!;
    const offset = Math.ceil(draft.size / align) * align;
    draft.size = offset + size;
    draft.align = Math.max(draft.align, align);
    return offset;
  }

  /** The finished sections. */
  finish(): ObjectSection[] {
    return this.drafts.map((draft) => {
      const isEmpty = draft.type === SectionType.Nobits;
      const data = new Uint8Array(isEmpty ? 0 : draft.size);
      if (!isEmpty) for (const chunk of draft.chunks) data.set(chunk.bytes, chunk.offset);
      const relocations = [...draft.relocations].sort((left, right) => left.offset - right.offset);
      const { name, type, flags, entrySize, size } = draft;
      return { name, type, flags, addressAlign: draft.align, entrySize, size, data, relocations };
    });
  }
}

/** The section of a function. */
export function codeSection(name: string | undefined): SectionChoice {
  return {
    name: name ?? ".text",
    type: SectionType.Progbits,
    flags: SectionFlag.Alloc | SectionFlag.Execinstr,
    entrySize: 0,
  };
}

/**
 * The section of a variable, as LLVM's ELF lowering chooses it (TargetLoweringObjectFileImpl.cpp): by name where C
 * says so, else by what it holds.
 */
export function dataSection(global: IrGlobal): SectionChoice {
  const readOnly = SectionFlag.Alloc;
  const writable = SectionFlag.Alloc | SectionFlag.Write;
  const { section } = global;
  if (section !== undefined) {
    const flags = global.constant || isReadOnlyName(section) ? readOnly : writable;
    const type =
      section === ".bss" || section.startsWith(".bss.") ? SectionType.Nobits : SectionType.Progbits;
    return { name: section, type, flags, entrySize: 0 };
  }
  const space = global.type.addressSpace;
  // One section for all of an arena's variables, as LLVM's BPFCheckAndAdjustIR has it.
  if (space !== 0)
    return { name: `.addr_space.${space}`, type: SectionType.Progbits, flags: writable, entrySize: 0 };
  if (!global.constant) {
    const zero = global.initializer === undefined || isZero(global.initializer);
    if (zero) return { name: ".bss", type: SectionType.Nobits, flags: writable, entrySize: 0 };
    return { name: ".data", type: SectionType.Progbits, flags: writable, entrySize: 0 };
  }
  const plain = { name: ".rodata", type: SectionType.Progbits, flags: readOnly, entrySize: 0 };
  if (!global.unnamedAddress || global.initializer === undefined) return plain;
  return mergeableSection(global, global.initializer) ?? plain;
}

function isReadOnlyName(name: string): boolean {
  return name === ".rodata" || name.startsWith(".rodata.");
}

/** Sections whose equal entries a linker may merge: strings, and constants of a power of two. */
function mergeableSection(global: IrGlobal, initializer: Constant): SectionChoice | undefined {
  if (hasAddress(initializer)) return undefined;
  const { valueType } = global;
  const type = SectionType.Progbits;
  if (valueType.kind === "array" && valueType.element.kind === "integer") {
    const entrySize = valueType.element.bits / 8;
    if ([1, 2, 4].includes(entrySize) && isString(initializer)) {
      const flags = SectionFlag.Alloc | SectionFlag.Merge | SectionFlag.Strings;
      return { name: `.rodata.str${entrySize}.${global.align ?? entrySize}`, type, flags, entrySize };
    }
  }
  const size = sizeOf(valueType);
  if (![4, 8, 16, 32].includes(size)) return undefined;
  return { name: `.rodata.cst${size}`, type, flags: SectionFlag.Alloc | SectionFlag.Merge, entrySize: size };
}

/** True for arrays that end in their only zero. */
function isString(initializer: Constant): boolean {
  if (initializer.kind === "bytes") return initializer.bytes.indexOf(0) === initializer.bytes.length - 1;
  if (initializer.kind === "zero" || initializer.kind === "null") {
    return initializer.type.kind === "array" && initializer.type.count === 1;
  }
  if (initializer.kind !== "aggregate") return false;
  const { elements } = initializer;
  return elements.every((one, index) => isZero(one) === (index === elements.length - 1));
}

/** True where all bytes are zero. */
export function isZero(start: Constant): boolean {
  const work: Constant[] = [start];
  while (work.length > 0) {
    const value = work.pop()!;
    switch (value.kind) {
      case "null":
      case "zero":
      case "undef":
      case "poison":
        break;
      case "int":
        if (value.value !== 0n) return false;
        break;
      case "bytes":
        if (value.bytes.some((byte) => byte !== 0)) return false;
        break;
      case "float":
        if (floatBits(value.type, value.text) !== 0n) return false;
        break;
      case "aggregate":
        work.push(...value.elements);
        break;
      default:
        return false;
    }
  }
  return true;
}

function hasAddress(start: Constant): boolean {
  const work: Constant[] = [start];
  while (work.length > 0) {
    const value = work.pop()!;
    if (value.kind === "aggregate") work.push(...value.elements);
    else if (["global", "function", "alias", "expression"].includes(value.kind)) return true;
  }
  return false;
}
