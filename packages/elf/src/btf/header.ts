/** The header of the .BTF section: magic, byte order and where types and strings lie (uapi linux/btf.h, struct btf_header). */
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** First two bytes of .BTF and .BTF.ext, in the byte order of the target. */
export const btfMagic = 0xeb9f;
/** The only version there is. */
export const btfVersion = 1;
/** Bytes of the .BTF header. */
export const btfHeaderSize = 24;

/** Absolute byte ranges of the two halves of a .BTF section. */
export interface BtfHeader {
  readonly littleEndian: boolean;
  readonly typesOffset: number;
  readonly typesSize: number;
  readonly stringsOffset: number;
  readonly stringsSize: number;
}

/**
 * Reads and checks the header. All ranges that it returns lie inside `bytes`.
 * @throws BpfkitError `EL101` cut off, `EL102` not BTF or of another version, `EL103` ranges outside the section.
 */
export function readBtfHeader(bytes: Uint8Array, name: string): BtfHeader {
  const { view, littleEndian, headerSize } = readBtfPreamble(bytes, name, btfHeaderSize);
  const word = (at: number): number => view.getUint32(at, littleEndian);
  const typesSize = word(12);
  const stringsSize = word(20);
  const typesOffset = headerSize + word(8);
  const stringsOffset = headerSize + word(16);
  checkRange(name, "types", typesOffset, typesSize, bytes.length);
  checkRange(name, "strings", stringsOffset, stringsSize, bytes.length);
  if (typesOffset % 4 !== 0) {
    throw new BpfkitError(
      "EL103",
      `${name}: the types start at offset ${typesOffset}, which is not a multiple of 4`,
    );
  }
  return { littleEndian, typesOffset, typesSize, stringsOffset, stringsSize };
}

/** What .BTF and .BTF.ext begin with. */
export interface BtfPreamble {
  readonly view: DataView;
  readonly littleEndian: boolean;
  /** Bytes of the header, as it says itself. */
  readonly headerSize: number;
}

/** Checks magic, version and header length. @throws BpfkitError `EL101`, `EL102`, `EL103`. */
export function readBtfPreamble(bytes: Uint8Array, name: string, minimum: number): BtfPreamble {
  if (bytes.length < minimum) {
    throw new BpfkitError(
      "EL101",
      `${name} is cut off: ${bytes.length} bytes, the header alone takes ${minimum}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleEndian = view.getUint16(0, true) === btfMagic;
  if (!littleEndian && view.getUint16(0, false) !== btfMagic) {
    throw new BpfkitError(
      "EL102",
      `${name} is not BTF: it starts with 0x${view.getUint16(0, true).toString(16)}`,
    );
  }
  const version = view.getUint8(2);
  if (version !== btfVersion) {
    throw new BpfkitError("EL102", `${name} is BTF version ${version}; only version ${btfVersion} is known`);
  }
  const headerSize = view.getUint32(4, littleEndian);
  if (headerSize < minimum || headerSize > bytes.length) {
    throw new BpfkitError(
      "EL103",
      `${name}: header length ${headerSize} is outside ${minimum} to ${bytes.length}`,
    );
  }
  return { view, littleEndian, headerSize };
}

function checkRange(name: string, what: string, offset: number, size: number, length: number): void {
  if (offset + size > length) {
    throw new BpfkitError(
      "EL103",
      `${name}: ${what} at ${offset} with ${size} bytes lie outside the section of ${length} bytes`,
      { hint: "The file is cut off or damaged." },
    );
  }
}
