/** ELF64 symbol records. */
import type { ByteWriter } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { ObjectSymbol, SymbolSection } from "./model.ts";
import type { StringTable } from "./string-table.ts";

/** Bytes of one symbol. */
export const symbolSize = 24;

const bindings = ["local", "global", "weak"] as const;
const types = ["notype", "object", "func", "section", "file"] as const;
const visibilities = ["default", "internal", "hidden", "protected"] as const;

/** Special section indices of symbols (SHN_*). */
const specialSections = { undefined: 0, absolute: 0xfff1, common: 0xfff2 } as const;

/** Turns indices of the file's sections into indices of ObjectFile.sections; undefined for bookkeeping sections. */
export type SectionNumbering = (fileIndex: number) => number | undefined;

/**
 * Reads a symbol table, without its null symbol.
 * @throws BpfkitError `EL007` for records that make no sense, `EL006` for names
 */
export function readSymbols(
  data: Uint8Array,
  strings: StringTable,
  numbering: SectionNumbering,
  name: string,
): ObjectSymbol[] {
  if (data.length % symbolSize !== 0) {
    throw new BpfkitError(
      "EL007",
      `${name}: a symbol table of ${data.length} bytes is no multiple of ${symbolSize}`,
    );
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const symbols: ObjectSymbol[] = [];
  for (let at = symbolSize; at < data.length; at += symbolSize) {
    const info = view.getUint8(at + 4);
    const binding = bindings[info >> 4];
    const type = types[info & 0xf];
    const value = Number(view.getBigUint64(at + 8, true));
    const size = Number(view.getBigUint64(at + 16, true));
    const index = at / symbolSize;
    if (binding === undefined || type === undefined) {
      throw new BpfkitError(
        "EL007",
        `${name}: symbol ${index} has the unknown binding or type 0x${info.toString(16)}`,
      );
    }
    if (!Number.isSafeInteger(value) || !Number.isSafeInteger(size)) {
      throw new BpfkitError("EL007", `${name}: symbol ${index} has an impossible value or size`);
    }
    symbols.push({
      name: strings.at(view.getUint32(at, true)),
      value,
      size,
      binding,
      type,
      visibility: visibilities[view.getUint8(at + 5) & 3] ?? "default",
      section: readSection(view.getUint16(at + 6, true), numbering, index, name),
    });
  }
  return symbols;
}

function readSection(
  fileIndex: number,
  numbering: SectionNumbering,
  symbol: number,
  name: string,
): SymbolSection {
  if (fileIndex === specialSections.undefined) return "undefined";
  if (fileIndex === specialSections.absolute) return "absolute";
  if (fileIndex === specialSections.common) return "common";
  const index = numbering(fileIndex);
  if (index === undefined) {
    throw new BpfkitError(
      "EL007",
      `${name}: symbol ${symbol} is defined in section ${fileIndex}, which holds no content`,
    );
  }
  return index;
}

/** Writes one symbol. `sectionNumber` turns an index of ObjectFile.sections into the file's. */
export function writeSymbol(
  writer: ByteWriter,
  symbol: ObjectSymbol,
  nameOffset: number,
  sectionNumber: (index: number) => number,
): void {
  const section =
    typeof symbol.section === "number" ? sectionNumber(symbol.section) : specialSections[symbol.section];
  writer.u32(nameOffset);
  writer.u8((bindings.indexOf(symbol.binding) << 4) | types.indexOf(symbol.type));
  writer.u8(visibilities.indexOf(symbol.visibility));
  writer.u16(section).u64(symbol.value).u64(symbol.size);
}
