/** ELF64 SHT_REL records. */
import type { ByteWriter } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type ObjectRelocation, RelocationType } from "./model.ts";

/** Bytes of one relocation. */
export const relocationSize = 16;

const names = new Map<number, string>(Object.entries(RelocationType).map(([name, number]) => [number, name]));

/** `R_BPF_64_64`, or the number for one not known. */
export function relocationTypeName(type: number): string {
  return names.get(type) ?? `relocation type ${type}`;
}

/** Bytes that a relocation needs from its offset on. */
function widthOf(type: number): number {
  switch (type) {
    case RelocationType.R_BPF_64_64:
      return 16;
    case RelocationType.R_BPF_64_32:
    case RelocationType.R_BPF_64_ABS64:
      return 8;
    case RelocationType.R_BPF_64_ABS32:
    case RelocationType.R_BPF_64_NODYLD32:
      return 4;
    default:
      return 0;
  }
}

/**
 * Reads a relocation section for a section of `targetSize` bytes.
 * @throws BpfkitError `EL008` for a record outside its section, without a symbol, or of an unknown type
 */
export function readRelocations(
  data: Uint8Array,
  targetSize: number,
  symbolCount: number,
  name: string,
): ObjectRelocation[] {
  if (data.length % relocationSize !== 0) {
    throw new BpfkitError("EL008", `${name}: ${data.length} bytes are no multiple of ${relocationSize}`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const list: ObjectRelocation[] = [];
  for (let at = 0; at < data.length; at += relocationSize) {
    const offset = Number(view.getBigUint64(at, true));
    const type = view.getUint32(at + 8, true);
    const symbol = view.getUint32(at + 12, true);
    const index = at / relocationSize;
    if (!names.has(type))
      throw new BpfkitError("EL008", `${name}: relocation ${index} has the unknown type ${type}`);
    if (offset + widthOf(type) > targetSize) {
      throw new BpfkitError(
        "EL008",
        `${name}: relocation ${index} at offset ${offset} lies outside its section`,
      );
    }
    if (symbol === 0 || symbol > symbolCount) {
      throw new BpfkitError(
        "EL008",
        `${name}: relocation ${index} names symbol ${symbol}; there are ${symbolCount}`,
      );
    }
    list.push({ offset, type, symbol: symbol - 1 });
  }
  return list;
}

/** Writes one relocation; `symbol` is the index in the file's symbol table. */
export function writeRelocation(writer: ByteWriter, relocation: ObjectRelocation, symbol: number): void {
  writer.u64(relocation.offset).u32(relocation.type).u32(symbol);
}
