/** A program for profilers, made by hand: three functions with names and frame pointers, of which the last one spins. */

const headerSize = 64;
const programHeaderSize = 56;
const symbolSize = 24;
const sectionHeaderSize = 64;
/** Where the code is in the file, and in memory. */
const codeOffset = 0x1000;
const codeAddress = 0x40_1000;

/** The functions, outermost first: name and place in the code. */
export const spinFunctions = [
  ["_start", 0x00],
  ["outer_function", 0x20],
  ["spin_here", 0x40],
] as const;

/** x86-64: each calls the next one after saving the frame pointer, which is 0 at the start; the last one jumps to itself. */
function code(): Uint8Array {
  const bytes = new Uint8Array(0x60).fill(0xcc);
  const call = (at: number, to: number) => [0xe8, (to - (at + 5)) & 0xff, 0, 0, 0];
  const enter = [0x55, 0x48, 0x89, 0xe5];
  bytes.set([0x48, 0x31, 0xed, ...call(0x03, 0x20), 0xeb, 0xfe], 0x00);
  bytes.set([...enter, ...call(0x24, 0x40), 0xeb, 0xfe], 0x20);
  bytes.set([...enter, 0xeb, 0xfe], 0x40);
  return bytes;
}

function stringTable(names: readonly string[]): Buffer<ArrayBuffer> {
  return Buffer.from(`\0${names.join("\0")}\0`, "latin1");
}

function header(
  size: number,
  fields: readonly (readonly [at: number, value: number, bytes: 2 | 4 | 8])[],
): Buffer<ArrayBuffer> {
  const buffer = Buffer.alloc(size);
  for (const [at, value, bytes] of fields) {
    if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value), at);
    else buffer.writeUIntLE(value, at, bytes);
  }
  return buffer;
}

/** The ELF file. */
export function spinProgram(): Buffer<ArrayBuffer> {
  const text = Buffer.from(code());
  const names = stringTable(spinFunctions.map(([name]) => name));
  let nameAt = 1;
  const symbols = [Buffer.alloc(symbolSize)];
  for (const [name, place] of spinFunctions) {
    const symbol = header(symbolSize, [
      [0, nameAt, 4],
      [6, 1, 2],
      [8, codeAddress + place, 8],
      [16, 0x20, 8],
    ]);
    symbol[4] = 0x12;
    symbols.push(symbol);
    nameAt += name.length + 1;
  }
  const table = Buffer.concat(symbols);
  const sectionNames = stringTable([".text", ".symtab", ".strtab"]);
  const contents = [text, table, names, sectionNames];
  const offsets = contents.map((_, index) =>
    contents.slice(0, index).reduce((end, part) => end + part.length, codeOffset),
  );
  const sectionsAt = codeOffset + contents.reduce((sum, part) => sum + part.length, 0);
  const section = (name: number, type: number, index: number, more: readonly [number, number, 4 | 8][]) =>
    header(sectionHeaderSize, [
      [0, name, 4],
      [4, type, 4],
      [24, offsets[index] ?? 0, 8],
      [32, contents[index]?.length ?? 0, 8],
      ...more,
    ]);
  const elf = header(headerSize, [
    [16, 2, 2],
    [18, 62, 2],
    [20, 1, 4],
    [24, codeAddress, 8],
    [32, headerSize, 8],
    [40, sectionsAt, 8],
    [52, headerSize, 2],
    [54, programHeaderSize, 2],
    [56, 1, 2],
    [58, sectionHeaderSize, 2],
    [60, 5, 2],
    [62, 4, 2],
  ]);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const load = header(programHeaderSize, [
    [0, 1, 4],
    [4, 5, 4],
    [8, codeOffset, 8],
    [16, codeAddress, 8],
    [24, codeAddress, 8],
    [32, text.length, 8],
    [40, text.length, 8],
    [48, 0x1000, 8],
  ]);
  return Buffer.concat([
    elf,
    load,
    Buffer.alloc(codeOffset - headerSize - programHeaderSize),
    ...contents,
    Buffer.alloc(sectionHeaderSize),
    section(1, 1, 0, [
      [8, 6, 8],
      [16, codeAddress, 8],
    ]),
    section(7, 2, 1, [
      [40, 3, 4],
      [56, symbolSize, 8],
    ]),
    section(15, 3, 2, []),
    section(15, 3, 3, []),
  ]);
}
