/** The ELF header: what makes a file a BPF object that we read, checked before anything else looks at it. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { machineBpf } from "./model.ts";

/** Bytes of an ELF64 header, and of each section header. */
export const elfHeaderSize = 64;
/** Bytes of an ELF64 section header. */
export const sectionHeaderSize = 64;

/** What the walk over the sections needs. */
export interface ObjectHeader {
  readonly sectionHeadersOffset: number;
  readonly sectionCount: number;
  /** Index of the section with the section names. */
  readonly namesSection: number;
  /** e_flags. */
  readonly flags: number;
}

const machineNames: Readonly<Record<number, string>> = {
  3: "Intel 80386",
  8: "MIPS",
  20: "PowerPC",
  21: "64-bit PowerPC",
  22: "IBM S/390",
  40: "ARM",
  62: "x86-64",
  183: "AArch64",
  243: "RISC-V",
  258: "LoongArch",
};

const fileTypeNames: Readonly<Record<number, string>> = {
  0: "no file type",
  2: "an executable",
  3: "a shared library or executable",
  4: "a core dump",
};

/**
 * Checks that the bytes are a 64-bit little-endian relocatable BPF object and that its section headers lie inside.
 * @throws BpfkitError `EL001` not ELF, `EL002` wrong machine, `EL003` wrong class or byte order, `EL004` not relocatable,
 * `EL005` cut off or damaged
 */
export function readHeader(bytes: Uint8Array, name: string): ObjectHeader {
  checkIdentification(bytes, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const machine = view.getUint16(18, true);
  if (machine !== machineBpf) {
    const machineName = machineNames[machine] ?? "unknown";
    throw new BpfkitError(
      "EL002",
      `${name} is not a BPF object: its machine is ${machine} (${machineName})`,
      {
        hint: "Compile it for BPF: bpfkit build, or clang -target bpf.",
      },
    );
  }
  const type = view.getUint16(16, true);
  if (type !== 1) {
    throw new BpfkitError(
      "EL004",
      `${name} is ${fileTypeNames[type] ?? `ELF type ${type}`}, not a relocatable object`,
      {
        hint: "Compile with -c.",
      },
    );
  }
  if (view.getUint16(56, true) !== 0) {
    throw new BpfkitError("EL004", `${name} has program headers, which relocatable objects do not have`);
  }
  return checkSectionHeaders(view, name);
}

function checkIdentification(bytes: Uint8Array, name: string): void {
  const magic = bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
  if (!magic) {
    const what = bytes.length === 0 ? "is empty" : "is not an ELF file";
    throw new BpfkitError("EL001", `${name} ${what}`, {
      hint: "Give an object file made by bpfkit build or clang.",
    });
  }
  if (bytes.length < elfHeaderSize) {
    throw new BpfkitError(
      "EL005",
      `${name} is cut off: ${bytes.length} bytes, an ELF header alone takes ${elfHeaderSize}`,
    );
  }
  if (bytes[4] !== 2) {
    throw new BpfkitError("EL003", `${name} is not a 64-bit ELF file; BPF objects always are`);
  }
  if (bytes[5] !== 1) {
    throw new BpfkitError("EL003", `${name} is a big-endian ELF file`, {
      hint: "Only little-endian BPF objects are read: compile with -target bpfel.",
    });
  }
}

function checkSectionHeaders(view: DataView, name: string): ObjectHeader {
  const sectionHeadersOffset = Number(view.getBigUint64(40, true));
  const entrySize = view.getUint16(58, true);
  const sectionCount = view.getUint16(60, true);
  const namesSection = view.getUint16(62, true);
  if (sectionHeadersOffset === 0 || sectionCount === 0) {
    throw new BpfkitError("EL005", `${name} has no section headers`);
  }
  if (entrySize !== sectionHeaderSize) {
    throw new BpfkitError(
      "EL005",
      `${name}: section headers of ${entrySize} bytes; 64-bit ELF has ${sectionHeaderSize}`,
    );
  }
  if (sectionHeadersOffset + sectionCount * sectionHeaderSize > view.byteLength) {
    throw new BpfkitError(
      "EL005",
      `${name} is cut off: ${sectionCount} section headers at offset ${sectionHeadersOffset} do not fit its ${view.byteLength} bytes`,
      { hint: "Copy or build the file again." },
    );
  }
  if (namesSection >= sectionCount) {
    throw new BpfkitError(
      "EL005",
      `${name}: section ${namesSection} should hold the section names, but there is none`,
    );
  }
  return { sectionHeadersOffset, sectionCount, namesSection, flags: view.getUint32(48, true) };
}
