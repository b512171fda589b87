/** Variables into their sections. */
import { RelocationType, SectionType } from "@bpfkit/elf/object";
import type { EmittedGlobal } from "../debug/emitted-module.ts";
import { alignOf, sizeOf } from "../ir/data-layout.ts";
import type { IrGlobal, IrModule } from "../ir/module.ts";
import type { DataReference } from "./initializer.ts";
import { initialBytes } from "./initializer.ts";
import type { SectionTable } from "./sections.ts";
import { dataSection } from "./sections.ts";
import type { SymbolTable } from "./symbols.ts";

/** A variable with the addresses in its initializer, to be relocated when everything has its place. */
export interface PlacedGlobal extends EmittedGlobal {
  readonly sectionIndex: number;
  readonly bytes: Uint8Array;
  readonly references: readonly DataReference[];
}

/** True for definitions that belong into the object: `llvm.used` and the like only speak to the compiler. */
function isEmitted(global: IrGlobal): boolean {
  return (
    global.initializer !== undefined &&
    global.linkage !== "available_externally" &&
    global.section !== "llvm.metadata" &&
    !global.name.startsWith("llvm.")
  );
}

/** Gives every variable its section and offset, in the order of the module. */
export function placeGlobals(module: IrModule, sections: SectionTable, symbols: SymbolTable): PlacedGlobal[] {
  const placed: PlacedGlobal[] = [];
  for (const global of module.globals) {
    if (!isEmitted(global)) continue;
    if (global.linkage === "common") {
      const size = sizeOf(global.valueType);
      symbols.defineCommon(global, Math.max(1, size), global.align ?? alignOf(global.valueType));
      continue;
    }
    const sectionIndex = sections.indexOf(dataSection(global));
    const { bytes, references } = initialBytes(module, global);
    const size = sizeOf(global.valueType);
    const align = global.align ?? preferredAlign(global, size);
    const offset = sections.reserve(sectionIndex, size, align);
    symbols.define(global, { section: sectionIndex, offset }, size);
    const section = sections.drafts[sectionIndex]!.name;
    placed.push({ global, section, sectionIndex, offset, size, bytes, references });
  }
  return placed;
}

/** Without a stated alignment LLVM takes the type's own, and 16 for what is longer than 16 bytes. */
function preferredAlign(global: IrGlobal, size: number): number {
  const own = alignOf(global.valueType);
  return size > 16 && global.section === undefined ? Math.max(16, own) : own;
}

/** Writes the bytes of variables, and relocations for the addresses in them. */
export function fillGlobals(
  globals: readonly PlacedGlobal[],
  sections: SectionTable,
  symbols: SymbolTable,
): void {
  for (const { sectionIndex, offset, bytes, references } of globals) {
    const draft = sections.drafts[sectionIndex]!;
    if (draft.type === SectionType.Nobits) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (const reference of references) {
      const { symbol, addend } = symbols.reference(reference.symbol);
      view.setBigInt64(reference.offset, BigInt(reference.addend) + BigInt(addend), true);
      draft.relocations.push({
        offset: offset + reference.offset,
        type: RelocationType.R_BPF_64_ABS64,
        symbol,
      });
    }
    draft.chunks.push({ offset, bytes });
  }
}
