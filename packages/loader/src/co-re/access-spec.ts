/** Access strings such as `0:1:2` -> the C access they stand for, with offsets in one BTF. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfTable, BtfType } from "@bpfkit/elf/btf";
import { kindFamily, kindName } from "./kinds.ts";

/** The kernel's BPF_CORE_SPEC_MAX_LEN. */
const maxLength = 64;

/** One step: a named member or, where `name` is undefined, an array index. */
export interface Accessor {
  /** The struct, union or enum that has the member; of an index, the type of the element. */
  readonly typeId: number;
  readonly index: number;
  readonly name: string | undefined;
}

/** An access in one BTF. */
export interface AccessSpec {
  readonly btf: BtfTable;
  /** As the object names it, typedefs kept: the target's counterpart has this name (libbpf 1.5, bpf_core_add_cands). */
  readonly rootTypeId: number;
  readonly kind: number;
  /** Steps by name and index; anonymous members are dissolved. */
  readonly accessors: readonly Accessor[];
  /** Of the field, from the start of the root type. */
  readonly bitOffset: number;
}

/** Whether a member array is the last member of a struct with no elements: any index is meant. */
export function isFlexibleArray(btf: BtfTable, accessor: Accessor, count: number): boolean {
  if (count > 0 || accessor.name === undefined) return false;
  const owner = btf.type(accessor.typeId);
  return (owner.kind === "struct" || owner.kind === "union") && accessor.index === owner.members.length - 1;
}

/**
 * Reads a relocation's access string against the object's own BTF.
 * @throws BpfkitError LD040 where the string does not fit the type.
 */
export function parseAccess(btf: BtfTable, typeId: number, access: string, kind: number): AccessSpec {
  const indexes = parseIndexes(access);
  const family = kindFamily(kind);
  if (family === undefined) throw new BpfkitError("LD040", `CO-RE relocation of ${kindName(kind)}`);
  if (family === "type") {
    if (access !== "0") throw badAccess(access, typeId);
    return { btf, rootTypeId: typeId, kind, accessors: [], bitOffset: 0 };
  }
  const rootId = btf.resolve(typeId);
  const first = indexes[0];
  if (first === undefined) throw badAccess(access, typeId);
  const root = btf.type(rootId);
  if (family === "enum") {
    if (root.kind !== "enum" && root.kind !== "enum64") throw badAccess(access, typeId);
    const value = root.values[first];
    if (value === undefined || indexes.length > 1) throw badAccess(access, typeId);
    const accessors = [{ typeId: rootId, index: first, name: value.name }];
    return { btf, rootTypeId: typeId, kind, accessors, bitOffset: 0 };
  }
  const accessors: Accessor[] = [{ typeId: rootId, index: first, name: undefined }];
  let bitOffset = first * sizeBits(btf, rootId);
  let current = rootId;
  for (const index of indexes.slice(1)) {
    current = btf.resolve(current);
    const type = btf.type(current);
    if (type.kind === "struct" || type.kind === "union") {
      const member = type.members[index];
      if (member === undefined) throw badAccess(access, typeId);
      bitOffset += member.bitOffset;
      if (member.name !== "") accessors.push({ typeId: current, index, name: member.name });
      current = member.type;
      continue;
    }
    if (type.kind !== "array") throw badAccess(access, typeId);
    const element = btf.resolve(type.elementType);
    const last = accessors.at(-1);
    const flexible = last !== undefined && isFlexibleArray(btf, last, type.count);
    if (!flexible && index >= type.count) throw badAccess(access, typeId);
    accessors.push({ typeId: element, index, name: undefined });
    bitOffset += index * sizeBits(btf, element);
    current = element;
  }
  return { btf, rootTypeId: typeId, kind, accessors, bitOffset };
}

function parseIndexes(access: string): number[] {
  const indexes = access.split(":").map((part) => (/^\d{1,10}$/.test(part) ? Number(part) : -1));
  if (indexes.length > maxLength || indexes.includes(-1)) {
    throw new BpfkitError(
      "LD040",
      `CO-RE access ${JSON.stringify(access.slice(0, 80))} is not a list of indexes`,
    );
  }
  return indexes;
}

function badAccess(access: string, typeId: number): BpfkitError {
  return new BpfkitError("LD040", `CO-RE access ${access} does not fit BTF type ${typeId} of the object`);
}

/** Size of a type in bits. */
export function sizeBits(btf: BtfTable, typeId: number): number {
  return btf.sizeOf(typeId) * 8;
}

/** Type name as C spells it: `struct task_struct`. */
export function typeSpelling(type: BtfType): string {
  const name = "name" in type ? type.name : "";
  switch (type.kind) {
    case "struct":
    case "union":
    case "enum":
      return `${type.kind} ${name || "(anonymous)"}`;
    case "enum64":
      return `enum ${name || "(anonymous)"}`;
    case "fwd":
      return `${type.isUnion ? "union" : "struct"} ${name}`;
    default:
      return name === "" ? type.kind : name;
  }
}

/** The C access a spec stands for: `struct task_struct.mm->...` in the form `struct task_struct: signal.nr[0]`. */
export function accessSpelling(spec: AccessSpec): string {
  const root = typeSpelling(spec.btf.type(spec.rootTypeId));
  let path = "";
  spec.accessors.forEach((accessor, position) => {
    if (accessor.name !== undefined) path += path === "" ? accessor.name : `.${accessor.name}`;
    else if (position > 0 || accessor.index !== 0) path += `[${accessor.index}]`;
  });
  if (path === "") return root;
  return kindFamily(spec.kind) === "enum" ? `${root}: ${path}` : `${root}.${path}`;
}
