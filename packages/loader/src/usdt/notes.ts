/** The notes that SystemTap's macros leave for each USDT probe (sys/sdt.h; section .note.stapsdt). */
import type { ElfImage } from "../symbols/elf-image.ts";

/** One place where a probe is in the code; a probe that was inlined has several. */
export interface UsdtNote {
  readonly provider: string;
  readonly name: string;
  /** Of the probe's nop, in bytes from the beginning of the file. */
  readonly offset: number;
  /** Of the nop, as the file counts addresses. */
  readonly address: number;
  /** Of the semaphore, in bytes from the beginning of the file; 0: the probe has none. */
  readonly semaphoreOffset: number;
  /** Of the semaphore, as the file counts addresses; 0: none. */
  readonly semaphoreAddress: number;
  /** As the compiler wrote them: `-4@%eax 8@$5`. */
  readonly arguments: string;
}

/** NT_STAPSDT. */
const noteType = 3;
const ownerName = "stapsdt";
const headerSize = 12;
const addressesSize = 24;
/** More than any program's: PostgreSQL has about a hundred probes. */
const largestSection = 16 << 20;

const decoder = new TextDecoder("latin1");
const align = (value: number): number => Math.ceil(value / 4) * 4;

function text(
  bytes: Uint8Array,
  start: number,
): { readonly value: string; readonly next: number } | undefined {
  const end = bytes.indexOf(0, start);
  if (end === -1) return undefined;
  return { value: decoder.decode(bytes.subarray(start, end)), next: end + 1 };
}

/** Every probe of a file, in its order. Damaged notes end the list. */
export function readUsdtNotes(image: ElfImage): UsdtNote[] {
  const notes: UsdtNote[] = [];
  const base = image.section(".stapsdt.base")?.address;
  for (const section of image.sections) {
    if (section.name !== ".note.stapsdt" || section.size > largestSection) continue;
    const bytes = image.file.read(section.offset, section.size);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + headerSize <= bytes.length; ) {
      const nameSize = view.getUint32(at, true);
      const contentSize = view.getUint32(at + 4, true);
      const contentAt = at + headerSize + align(nameSize);
      const end = contentAt + contentSize;
      if (end > bytes.length) break;
      if (view.getUint32(at + 8, true) === noteType && text(bytes, at + headerSize)?.value === ownerName) {
        const note = readNote(image, bytes.subarray(contentAt, end), base);
        if (note !== undefined) notes.push(note);
      }
      at = align(end);
    }
  }
  return notes;
}

function readNote(image: ElfImage, content: Uint8Array, base: number | undefined): UsdtNote | undefined {
  if (content.length < addressesSize) return undefined;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [address = 0, baseThen = 0, semaphore = 0] = [0, 8, 16].map((at) =>
    Number(view.getBigUint64(at, true)),
  );
  const provider = text(content, addressesSize);
  const name = provider === undefined ? undefined : text(content, provider.next);
  const words = name === undefined ? undefined : text(content, name.next);
  if (provider === undefined || name === undefined || words === undefined) return undefined;
  // Prelinking moves code but not notes: how far, the section of the base tells.
  const moved = base === undefined || base === 0 ? 0 : base - baseThen;
  const actual = address + moved;
  const offset = fileOffset(image, actual);
  if (offset === undefined) return undefined;
  const semaphoreAddress = semaphore === 0 ? 0 : semaphore + moved;
  return {
    provider: provider.value,
    name: name.value,
    address: actual,
    offset,
    semaphoreAddress,
    semaphoreOffset: semaphoreAddress === 0 ? 0 : (fileOffset(image, semaphoreAddress) ?? 0),
    arguments: words.value,
  };
}

/** Where an address is in the file; undefined where it is not loaded from it. */
function fileOffset(image: ElfImage, address: number): number | undefined {
  const segment = image.segments.find(
    (each) => address >= each.address && address < each.address + each.fileSize,
  );
  return segment === undefined ? undefined : address - segment.address + segment.offset;
}
