/** Functions of a program or library by name: where their code is in the file. */
import type { ElfImage, ImageSection } from "./elf-image.ts";

/** A function that a probe can be put on. */
export interface FunctionPlace {
  readonly name: string;
  /** Of its first instruction, in bytes from the beginning of the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

const symbolSize = 24;
const largestTable = 1 << 30;
/** SHT_DYNSYM first: its names carry no file-local functions (libbpf's order). */
const tableTypes = [11, 2] as const;
const functionType = 2;
const decoder = new TextDecoder("latin1");

interface Found extends FunctionPlace {
  readonly binding: number;
}

/** Functions whose names, without the version behind `@`, are wanted; each place once. Damage gives fewer of them. */
export function findFunctions(image: ElfImage, isWanted: (name: string) => boolean): FunctionPlace[] {
  const found = new Map<string, Found>();
  for (const type of tableTypes) {
    for (const table of image.sections.filter((section) => section.type === type)) {
      readTable(image, table, isWanted, found);
    }
  }
  return [...found.values()];
}

/** A global function is preferred to a local one of the same name. Undefined: the file has no such symbol. */
export function findFunction(image: ElfImage, name: string): FunctionPlace | undefined {
  const found = findFunctions(image, (candidate) => candidate === name);
  return found.find((place) => (place as Found).binding !== 0) ?? found[0];
}

function readTable(
  image: ElfImage,
  table: ImageSection,
  isWanted: (name: string) => boolean,
  found: Map<string, Found>,
): void {
  const strings = image.sections[table.link];
  if (strings === undefined || table.size > largestTable || strings.size > largestTable) return;
  const records = image.file.read(table.offset, table.size);
  const names = image.file.read(strings.offset, strings.size);
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  for (let at = symbolSize; at + symbolSize <= records.length; at += symbolSize) {
    const info = view.getUint8(at + 4);
    const section = image.sections[view.getUint16(at + 6, true)];
    if ((info & 15) !== functionType || view.getUint16(at + 6, true) === 0 || section === undefined) continue;
    const start = view.getUint32(at, true);
    const end = names.indexOf(0, start);
    if (end === -1) continue;
    const [name = ""] = decoder.decode(names.subarray(start, end)).split("@", 1);
    if (name === "" || !isWanted(name)) continue;
    const offset = Number(view.getBigUint64(at + 8, true)) - section.address + section.offset;
    const inside = offset >= section.offset && offset < section.offset + section.size;
    if (!inside) continue;
    const key = `${name}\0${offset}`;
    if (found.has(key)) continue;
    found.set(key, { name, offset, sizeBytes: Number(view.getBigUint64(at + 16, true)), binding: info >> 4 });
  }
}
