/** Sections .struct_ops and .struct_ops.link: structs of functions that programs give to the kernel. */
import { MapType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfStruct, BtfTable } from "@bpfkit/elf/btf";
import type { ObjectFile, ObjectRelocation, ObjectSection } from "@bpfkit/elf/object";
import { emptyMapSpec, type MapSpec } from "./map-spec.ts";

/** BPF_F_LINK: the kernel registers the struct when a link is made, not when the map is updated (Linux 6.4). */
const byLink = 1 << 13;
const sectionName = /^(\?)?\.struct_ops(\.link)?$/;

/** A variable of such a section; may be changed before loading. */
export interface StructOpsSpec {
  /** Its struct in the object's BTF. */
  readonly typeId: number;
  /** Registered through a link (`.struct_ops.link`), which ends with this process; Linux 6.4. */
  readonly link: boolean;
  /** The variable's bytes; zero where functions are. */
  readonly contents: Uint8Array;
  /** Byte offset in the struct -> the program there. */
  readonly functions: Map<number, string>;
  /** False for `SEC("?.struct_ops")`: skipped, with the programs that nothing else uses, unless set. */
  autocreate: boolean;
}

/** Whether a section holds such structs. */
export function isStructOpsSection(name: string): boolean {
  return sectionName.test(name);
}

/**
 * The maps of a section, one for each variable.
 * @throws BpfkitError LD018 where a variable is no struct, or holds an address that is no program's
 */
export function readStructOps(object: ObjectFile, index: number, btf: BtfTable | undefined): MapSpec[] {
  const section = object.sections[index];
  const parts = section === undefined ? null : sectionName.exec(section.name);
  if (section === undefined || parts === null) return [];
  const datasecId = btf?.find(section.name, "datasec");
  const datasec = datasecId === undefined ? undefined : btf?.type(datasecId);
  if (btf === undefined || datasec?.kind !== "datasec") {
    throw new BpfkitError("LD017", `section ${section.name} has no BTF that describes its variables`, {
      hint: "Compile with -g.",
    });
  }
  const link = parts[2] !== undefined;
  return datasec.entries.flatMap((entry) => {
    const variable = btf.type(entry.type);
    if (variable.kind !== "var") return [];
    const { name } = variable;
    const symbol = object.symbols.find((each) => each.section === index && each.name === name);
    const start = symbol?.value ?? entry.offset;
    const typeId = btf.resolve(variable.type);
    const struct = btf.type(typeId);
    if (struct.kind !== "struct" || start + struct.size > section.data.length) {
      throw new BpfkitError("LD018", `variable ${name} in section ${section.name} is no whole struct`);
    }
    const contents = new Uint8Array(struct.size);
    contents.set(section.data.subarray(start, start + struct.size));
    const functions = readFunctions(object, section, { btf, struct, name, start, contents });
    const spec = emptyMapSpec(name, "struct-ops");
    spec.type = MapType.StructOps;
    spec.keySize = 4;
    spec.maxEntries = 1;
    spec.flags = link ? byLink : 0;
    spec.structOps = { typeId, link, contents, functions, autocreate: parts[1] === undefined };
    return [spec];
  });
}

interface Variable {
  readonly btf: BtfTable;
  readonly struct: BtfStruct;
  readonly name: string;
  /** In the section. */
  readonly start: number;
  readonly contents: Uint8Array;
}

function readFunctions(object: ObjectFile, section: ObjectSection, variable: Variable): Map<number, string> {
  const { btf, struct, name, start, contents } = variable;
  const functions = new Map<number, string>();
  for (const relocation of section.relocations) {
    const offset = relocation.offset - start;
    if (offset < 0 || offset >= struct.size) continue;
    const member = struct.members.find(({ bitOffset }) => bitOffset === offset * 8);
    const program = functionAt(object, section, relocation);
    if (member === undefined || program === undefined || !isFunctionPointer(btf, member.type)) {
      const place = member === undefined ? `byte ${offset}` : `member ${member.name}`;
      throw new BpfkitError("LD018", `${place} of ${name} holds an address that is no program's`, {
        hint: "The kernel takes programs at members that are pointers to functions, and plain values at the others.",
      });
    }
    functions.set(offset, program);
    contents.fill(0, offset, offset + 8);
  }
  return functions;
}

/** The function that a relocation points at; of static ones the symbol is the section, and the bytes say where. */
function functionAt(
  object: ObjectFile,
  section: ObjectSection,
  relocation: ObjectRelocation,
): string | undefined {
  const symbol = object.symbols[relocation.symbol];
  const { data } = section;
  if (symbol === undefined || relocation.offset + 8 > data.length) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const value = symbol.value + Number(view.getBigUint64(relocation.offset, true));
  return object.symbols.find(
    (each) => each.type === "func" && each.section === symbol.section && each.value === value,
  )?.name;
}

/** Whether a type is a pointer to functions. */
export function isFunctionPointer(btf: BtfTable, typeId: number): boolean {
  const pointer = btf.type(btf.resolve(typeId));
  return pointer.kind === "ptr" && btf.kindOf(btf.resolve(pointer.type)) === "func_proto";
}
