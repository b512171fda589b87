/** All section headers of an object, by elfy, behind our own bounds checks. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import elfy, { type ElfyInput } from "elfy";
import { type ObjectHeader, sectionHeaderSize } from "./header.ts";
import { SectionType } from "./model.ts";

/** One section header and the bytes it covers. */
export interface RawSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Bytes in memory. */
  readonly size: number;
  /** sh_link: another section's index. */
  readonly link: number;
  /** sh_info. */
  readonly info: number;
  readonly addressAlign: number;
  readonly entrySize: number;
  /** A view of the file; empty for Nobits. */
  readonly data: Uint8Array;
}

/** No real section name comes near: libbpf's longest are paths of binaries. */
const longestName = 8192;

/**
 * Reads every section header, the null section included, so that indices are the file's.
 * @throws BpfkitError `EL005` where a section or its name lies outside the file
 */
export function walkSections(bytes: Uint8Array, header: ObjectHeader, name: string): RawSection[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkBounds(view, header, name);
  checkNames(bytes, view, header, name);
  const input: unknown = new BufferLike(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const file = elfy.parse(input as ElfyInput);
  return file.body.sections.map((section, index) => {
    // elfy reads sh_addralign and sh_entsize at wrong offsets, and gives types and flags as names: take them here.
    const at = header.sectionHeadersOffset + index * sectionHeaderSize;
    const type = view.getUint32(at + 4, true);
    const hasData = type !== SectionType.Nobits && type !== SectionType.Null;
    return {
      name: section.name,
      type,
      flags: Number(view.getBigUint64(at + 8, true)),
      size: section.size,
      link: section.link,
      info: section.info,
      addressAlign: Number(view.getBigUint64(at + 48, true)),
      entrySize: Number(view.getBigUint64(at + 56, true)),
      data: hasData ? bytes.subarray(section.off, section.off + section.size) : new Uint8Array(0),
    };
  });
}

/** Where the fields of section headers are. */
interface Place {
  readonly nameOffset: number;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly alignment: number;
}

function placeOf(view: DataView, header: ObjectHeader, index: number): Place {
  const at = header.sectionHeadersOffset + index * sectionHeaderSize;
  return {
    nameOffset: view.getUint32(at, true),
    type: view.getUint32(at + 4, true),
    offset: Number(view.getBigUint64(at + 24, true)),
    size: Number(view.getBigUint64(at + 32, true)),
    alignment: Number(view.getBigUint64(at + 48, true)),
  };
}

/** Larger alignments are not written: a page is the most that anything asks for. */
const largestAlignment = 1 << 20;

/** Whether a section may have this alignment: 0, or a power of two up to a megabyte. */
export function isAlignment(value: number): boolean {
  return value === 0 || (value <= largestAlignment && Number.isInteger(Math.log2(value)));
}

function checkBounds(view: DataView, header: ObjectHeader, name: string): void {
  for (let index = 0; index < header.sectionCount; index++) {
    const { type, offset, size, alignment } = placeOf(view, header, index);
    if (type === SectionType.Null) continue;
    if (!isAlignment(alignment)) {
      throw new BpfkitError("EL005", `${name}: section ${index} has the impossible alignment ${alignment}`, {
        hint: "The file is damaged.",
      });
    }
    const limit = type === SectionType.Nobits ? Number.MAX_SAFE_INTEGER : view.byteLength;
    const end = type === SectionType.Nobits ? size : offset + size;
    if (end > limit) {
      throw new BpfkitError(
        "EL005",
        `${name}: section ${index} at offset ${offset} with ${size} bytes lies outside the file of ${view.byteLength} bytes`,
        { hint: "The file is cut off or damaged." },
      );
    }
  }
}

function checkNames(bytes: Uint8Array, view: DataView, header: ObjectHeader, name: string): void {
  const names = placeOf(view, header, header.namesSection);
  if (names.type !== SectionType.Strtab) {
    throw new BpfkitError(
      "EL005",
      `${name}: section ${header.namesSection} should hold the section names, but is no string table`,
    );
  }
  const table = bytes.subarray(names.offset, names.offset + names.size);
  for (let index = 0; index < header.sectionCount; index++) {
    const { nameOffset } = placeOf(view, header, index);
    const end = nameOffset < table.length ? table.indexOf(0, nameOffset) : -1;
    if (end < 0 || end - nameOffset > longestName) {
      throw new BpfkitError(
        "EL005",
        `${name}: the name of section ${index} lies outside the string table or has no end`,
      );
    }
  }
}

const decoder = new TextDecoder();

/**
 * The few methods of Node's Buffer that elfy 1.0.0 and its endian-reader call, on a plain Uint8Array, so that reading
 * works where there is no Buffer. Never leaves this file.
 */
class BufferLike extends Uint8Array<ArrayBufferLike> {
  /** Like Buffer: a view, not a copy. */
  override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
    return this.subarray(start, end) as Uint8Array<ArrayBuffer>;
  }

  override toString(): string {
    return decoder.decode(this);
  }

  readUInt16LE(offset: number): number {
    return (this[offset] ?? 0) | ((this[offset + 1] ?? 0) << 8);
  }

  readUInt32LE(offset: number): number {
    return (this.readUInt16LE(offset) | (this.readUInt16LE(offset + 2) << 16)) >>> 0;
  }
}
