/** A program or library on disk: as much of its ELF file as looking symbols up needs, read piece by piece. */
import type { ReadableFile } from "@bpfkit/base/kernel";

/** A section header. */
export interface ImageSection {
  readonly name: string;
  /** SHT_*. */
  readonly type: number;
  /** SHF_*. */
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/** A PT_LOAD program header. */
export interface LoadSegment {
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

const decoder = new TextDecoder("latin1");
const [headerSize, sectionHeaderSize, programHeaderSize] = [64, 64, 56];
/** Programs have a few dozen sections; damaged files may claim anything. */
const mostHeaders = 4096;
const loadSegmentType = 1;
const noteType = 7;
/** NT_GNU_BUILD_ID. */
const buildIdNote = 3;

/** One ELF64 little-endian file. Damage makes parts of it absent; nothing throws. */
export class ElfImage {
  readonly file: ReadableFile;
  readonly sections: readonly ImageSection[];
  readonly segments: readonly LoadSegment[];

  private constructor(file: ReadableFile, header: DataView) {
    this.file = file;
    this.segments = readSegments(file, header);
    this.sections = readSections(file, header);
  }

  /** Undefined for what is no ELF64 little-endian file. */
  static read(file: ReadableFile): ElfImage | undefined {
    const bytes = file.read(0, headerSize);
    const magic = bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
    if (!magic || bytes.length < headerSize || bytes[4] !== 2 || bytes[5] !== 1) return undefined;
    return new ElfImage(file, viewOf(bytes));
  }

  section(name: string): ImageSection | undefined {
    return this.sections.find((section) => section.name === name);
  }

  /** The address, as symbols have it, of a byte of the file; undefined where it is not loaded. */
  addressOfOffset(offset: number): number | undefined {
    const segment = this.segments.find(
      (each) => offset >= each.offset && offset < each.offset + each.fileSize,
    );
    return segment === undefined ? undefined : offset - segment.offset + segment.address;
  }

  /** In hexadecimal digits; undefined where the linker wrote none. */
  get buildId(): string | undefined {
    for (const section of this.sections) {
      if (section.type !== noteType || section.size > 4096) continue;
      const id = buildIdOf(this.file.read(section.offset, section.size));
      if (id !== undefined) return id;
    }
    return undefined;
  }

  /** The file name in .gnu_debuglink. */
  get debugLink(): string | undefined {
    const section = this.section(".gnu_debuglink");
    if (section === undefined || section.size > 4096) return undefined;
    const name = textUpToNul(this.file.read(section.offset, section.size), 0);
    return name === "" || name.includes("/") ? undefined : name;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textUpToNul(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  return decoder.decode(bytes.subarray(start, end === -1 ? bytes.length : end));
}

/** Records of a header table, as far as the file has them. */
function records(file: ReadableFile, offset: number, count: number, size: number): DataView[] {
  const bytes = file.read(offset, Math.min(count, mostHeaders) * size);
  const whole = Math.floor(bytes.length / size);
  return Array.from({ length: whole }, (_, i) => viewOf(bytes.subarray(i * size, (i + 1) * size)));
}

const wide = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

function readSegments(file: ReadableFile, header: DataView): LoadSegment[] {
  if (header.getUint16(54, true) !== programHeaderSize) return [];
  return records(file, wide(header, 32), header.getUint16(56, true), programHeaderSize)
    .filter((view) => view.getUint32(0, true) === loadSegmentType)
    .map((view) => ({ offset: wide(view, 8), address: wide(view, 16), fileSize: wide(view, 32) }));
}

function readSections(file: ReadableFile, header: DataView): ImageSection[] {
  const offset = wide(header, 40);
  if (offset === 0 || header.getUint16(58, true) !== sectionHeaderSize) return [];
  // More than 0xfeff sections: the first header says how many (gABI, "extended section numbering").
  const first = records(file, offset, 1, sectionHeaderSize)[0];
  const count = header.getUint16(60, true) || (first === undefined ? 0 : wide(first, 32));
  const views = records(file, offset, count, sectionHeaderSize);
  const namesAt = header.getUint16(62, true);
  const names = views[namesAt === 0xffff ? (first?.getUint32(40, true) ?? 0) : namesAt];
  const text =
    names === undefined
      ? new Uint8Array(0)
      : file.read(wide(names, 24), Math.min(wide(names, 32), mostHeaders * 256));
  return views.map((view) => ({
    name: textUpToNul(text, view.getUint32(0, true)),
    type: view.getUint32(4, true),
    flags: wide(view, 8),
    address: wide(view, 16),
    offset: wide(view, 24),
    size: wide(view, 32),
    link: view.getUint32(40, true),
  }));
}

function buildIdOf(notes: Uint8Array): string | undefined {
  const view = viewOf(notes);
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = view.getUint32(at, true);
    const contentSize = view.getUint32(at + 4, true);
    const content = at + 12 + Math.ceil(nameSize / 4) * 4;
    if (content + contentSize > notes.length) return undefined;
    if (view.getUint32(at + 8, true) === buildIdNote && textUpToNul(notes, at + 12) === "GNU") {
      const bytes = notes.subarray(content, content + contentSize);
      return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    }
    at = content + Math.ceil(contentSize / 4) * 4;
  }
  return undefined;
}
