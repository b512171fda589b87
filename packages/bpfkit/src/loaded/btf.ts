/** BTF objects that are loaded in a kernel, and types record by record, in bpftool's fields. */
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { BtfTable, BtfType } from "@bpfkit/elf/btf";
import type { JsonNode } from "./json-text.ts";
import { eachObject } from "./walk.ts";

/** One BTF object, by the names that `bpftool -j btf` gives its facts. */
export interface LoadedBtf {
  readonly [name: string]: JsonNode | undefined;
  readonly id: number;
  /** Bytes. */
  readonly size: number;
  readonly prog_ids: readonly number[];
  readonly map_ids: readonly number[];
  /** True for the kernel's own and its modules'. */
  readonly kernel: boolean;
  readonly name?: string;
}

/** Which programs and maps use which types. */
export interface BtfUsers {
  readonly programs: ReadonlyMap<number, readonly number[]>;
  readonly maps: ReadonlyMap<number, readonly number[]>;
}

/** Walks all programs and maps once. */
export function btfUsers(kernel: Kernel): BtfUsers {
  const programs = new Map<number, number[]>();
  const maps = new Map<number, number[]>();
  const add = (users: Map<number, number[]>, btfId: number, id: number): void => {
    if (btfId !== 0) users.set(btfId, [...(users.get(btfId) ?? []), id]);
  };
  eachObject(kernel, "program", (fd, id) => add(programs, kernel.objects.programInfo(fd).btfId, id));
  eachObject(kernel, "map", (fd, id) => add(maps, kernel.mapInfo(fd).btfId, id));
  return { programs, maps };
}

/** Describes a BTF object. */
export function describeLoadedBtf(kernel: Kernel, users: BtfUsers, fd: Fd): LoadedBtf {
  const info = kernel.objects.btfInfo(fd);
  return {
    id: info.id,
    size: info.sizeBytes,
    prog_ids: users.programs.get(info.id) ?? [],
    map_ids: users.maps.get(info.id) ?? [],
    kernel: info.ofKernel,
    ...(info.name === "" ? {} : { name: info.name }),
  };
}

/** A type's record: fields of its kind, then a list for members, enumerators, parameters or variables. */
export interface TypeRecord {
  readonly id: number;
  /** `INT`, `STRUCT` ... */
  readonly kind: string;
  /** `(anon)` where there is none. */
  readonly name: string;
  readonly fields: Readonly<Record<string, number | string>>;
  readonly list?: {
    readonly name: "members" | "values" | "params" | "vars";
    readonly rows: readonly Readonly<Record<string, number | bigint | string>>[];
  };
}

/** Describes one type. */
export function typeRecord(btf: BtfTable, id: number): TypeRecord {
  const type = btf.type(id);
  const name = "name" in type && type.name !== "" ? type.name : "(anon)";
  return { id, kind: type.kind.toUpperCase(), name, ...contents(type) };
}

const anonymous = (name: string): string => (name === "" ? "(anon)" : name);

function contents(type: BtfType): Pick<TypeRecord, "fields" | "list"> {
  switch (type.kind) {
    case "int": {
      const encoding = type.signed ? "SIGNED" : type.char ? "CHAR" : type.bool ? "BOOL" : "(none)";
      const { size, bitOffset, bits } = type;
      return { fields: { size, bits_offset: bitOffset, nr_bits: bits, encoding } };
    }
    case "array":
      return {
        fields: { type_id: type.elementType, index_type_id: type.indexType, nr_elems: type.count },
      };
    case "struct":
    case "union":
      return {
        fields: { size: type.size, vlen: type.members.length },
        list: { name: "members", rows: type.members.map(memberRow) },
      };
    case "enum":
    case "enum64":
      return {
        fields: {
          encoding: type.signed ? "SIGNED" : "UNSIGNED",
          size: type.size,
          vlen: type.values.length,
        },
        list: { name: "values", rows: type.values.map(({ name, value }) => ({ name, val: value })) },
      };
    case "fwd":
      return { fields: { fwd_kind: type.isUnion ? "union" : "struct" } };
    case "func":
    case "var":
      return { fields: { type_id: type.type, linkage: type.linkage } };
    case "func_proto":
      return {
        fields: { ret_type_id: type.returnType, vlen: type.params.length },
        list: {
          name: "params",
          rows: type.params.map((param) => ({ name: anonymous(param.name), type_id: param.type })),
        },
      };
    case "datasec":
      return {
        fields: { size: type.size, vlen: type.entries.length },
        list: {
          name: "vars",
          rows: type.entries.map((entry) => ({
            type_id: entry.type,
            offset: entry.offset,
            size: entry.size,
          })),
        },
      };
    case "float":
      return { fields: { size: type.size } };
    case "decl_tag":
      return { fields: { type_id: type.type, component_idx: type.componentIndex } };
    case "void":
      return { fields: {} };
    default:
      return { fields: { type_id: type.type } };
  }
}

function memberRow(member: { name: string; type: number; bitOffset: number; bitSize: number }) {
  const { name, type, bitOffset, bitSize } = member;
  return {
    name: anonymous(name),
    type_id: type,
    bits_offset: bitOffset,
    ...(bitSize === 0 ? {} : { bitfield_size: bitSize }),
  };
}

/** A record as `bpftool -j btf dump` has it. */
export function typeRecordJson(record: TypeRecord): JsonNode {
  const { id, kind, name, fields, list } = record;
  return { id, kind, name, ...fields, ...(list === undefined ? {} : { [list.name]: list.rows }) };
}

/** A record as `bpftool btf dump` prints it. */
export function typeRecordText(btf: BtfTable, record: TypeRecord): string {
  const { id, kind, name, fields, list } = record;
  // Between the type and the linkage of a variable, and only there, bpftool writes a comma.
  const separator = kind === "VAR" ? ", " : " ";
  const facts = Object.entries(fields).map(([field, value]) => `${field}=${value}`);
  const rows = (list?.rows ?? []).map(
    (row) => `\n\t${rowText(btf, kind, fields["encoding"] === "SIGNED", row)}`,
  );
  return `[${id}] ${kind} '${name}' ${facts.join(separator)}${rows.join("")}`;
}

function rowText(
  btf: BtfTable,
  kind: string,
  signed: boolean,
  row: Readonly<Record<string, number | bigint | string>>,
): string {
  const suffix = kind !== "ENUM64" ? "" : signed ? "LL" : "ULL";
  const parts = Object.entries(row).map(([field, value]) => {
    if (field === "name") return `'${value}'`;
    return field === "val" ? `val=${value}${suffix}` : `${field}=${value}`;
  });
  const variable = row["type_id"];
  if (kind === "DATASEC" && typeof variable === "number") {
    const type = btf.type(variable);
    if ("name" in type) parts.push(`(${type.kind.toUpperCase()} '${type.name}')`);
  }
  return parts.join(" ");
}
