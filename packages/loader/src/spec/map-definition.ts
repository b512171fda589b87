/** `.maps` BTF -> MapSpec: reads the anonymous structs that libbpf's __uint, __ulong, __type and __array build. */
import { MapType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfTable, BtfType } from "@bpfkit/elf/btf";
import { emptyMapSpec, type MapOrigin, type MapSpec, PinByName } from "./map-spec.ts";

type StructType = Extract<BtfType, { kind: "struct" }>;
type StructMember = StructType["members"][number];

/** A definition and where its `.values` array starts within the variable (-1: it has none). */
export interface MapDefinition {
  readonly spec: MapSpec;
  readonly valuesOffset: number;
}

/** Maps whose values are other maps. */
export function holdsMaps(type: number): boolean {
  return type === MapType.ArrayOfMaps || type === MapType.HashOfMaps;
}

/**
 * Reads the definition that is the type of the variable `name`.
 * @throws BpfkitError LD010 naming the map and the member that cannot be understood.
 */
export function readMapDefinition(
  btf: BtfTable,
  typeId: number,
  name: string,
  tags: readonly string[],
): MapDefinition {
  return readDefinition(btf, typeId, name, "definition", tags);
}

function readDefinition(
  btf: BtfTable,
  typeId: number,
  name: string,
  origin: MapOrigin,
  tags: readonly string[],
): MapDefinition {
  const type = btf.type(btf.resolve(typeId));
  if (type.kind !== "struct") throw bad(name, `its type is not a struct but ${type.kind}`);
  const spec: MapSpec = { ...emptyMapSpec(name, origin), tags };
  const reader = new DefinitionReader(btf, name, spec);
  for (const member of type.members) reader.member(member);
  if (spec.type === 0) throw bad(name, "the definition has no type; write __uint(type, BPF_MAP_TYPE_...)");
  if (spec.inner !== undefined && !holdsMaps(spec.type)) {
    throw bad(name, "only maps of type array_of_maps and hash_of_maps have inner maps");
  }
  if (holdsMaps(spec.type)) spec.valueSize = 4;
  return { spec, valuesOffset: reader.valuesOffset };
}

function bad(map: string, what: string): BpfkitError {
  return new BpfkitError("LD010", `map ${map} in section .maps: ${what}`);
}

/** Fills one spec from the members of its definition. */
class DefinitionReader {
  valuesOffset = -1;
  readonly #btf: BtfTable;
  readonly #name: string;
  readonly #spec: MapSpec;

  constructor(btf: BtfTable, name: string, spec: MapSpec) {
    this.#btf = btf;
    this.#name = name;
    this.#spec = spec;
  }

  member(member: StructMember): void {
    const spec = this.#spec;
    switch (member.name) {
      case "type":
        spec.type = this.#uint(member);
        return;
      case "max_entries":
        spec.maxEntries = this.#uint(member);
        return;
      case "map_flags":
        spec.flags = this.#uint(member);
        return;
      case "numa_node":
        spec.numaNode = this.#uint(member);
        return;
      case "map_extra":
        spec.mapExtra = this.#wide(member);
        return;
      case "pinning":
        spec.pinning = this.#uint(member);
        if (spec.pinning > PinByName) throw bad(this.#name, `unknown pinning ${spec.pinning}`);
        return;
      case "key_size":
        spec.keySize = this.#agreedSize("key", spec.keySize, this.#uint(member));
        return;
      case "value_size":
        spec.valueSize = this.#agreedSize("value", spec.valueSize, this.#uint(member));
        return;
      case "key":
        spec.keyTypeId = this.#pointee(member);
        spec.keySize = this.#agreedSize("key", spec.keySize, this.#sizeOf(spec.keyTypeId, "key"));
        return;
      case "value":
        spec.valueTypeId = this.#pointee(member);
        spec.valueSize = this.#agreedSize("value", spec.valueSize, this.#sizeOf(spec.valueTypeId, "value"));
        return;
      case "values":
        this.#values(member);
        return;
      default:
        throw bad(this.#name, `unknown member ${JSON.stringify(member.name)}`);
    }
  }

  /** `int (*name)[value]` */
  #uint(member: StructMember): number {
    const pointer = this.#btf.type(this.#btf.resolve(member.type));
    if (pointer.kind === "ptr") {
      const array = this.#btf.type(this.#btf.resolve(pointer.type));
      if (array.kind === "array") return array.count;
    }
    throw bad(this.#name, `member ${member.name} is not written as __uint(${member.name}, ...)`);
  }

  /** `enum { anything = value } name`, for values over 32 bits; or as {@link #uint}. */
  #wide(member: StructMember): bigint {
    const type = this.#btf.type(this.#btf.resolve(member.type));
    if (type.kind === "enum" || type.kind === "enum64") {
      const first = type.values[0];
      if (first !== undefined) return BigInt.asUintN(64, BigInt(first.value));
    }
    return BigInt(this.#uint(member));
  }

  /** `type *name` */
  #pointee(member: StructMember): number {
    const pointer = this.#btf.type(this.#btf.resolve(member.type));
    if (pointer.kind === "ptr") return pointer.type;
    throw bad(this.#name, `member ${member.name} is not written as __type(${member.name}, ...)`);
  }

  #sizeOf(typeId: number, what: string): number {
    const size = this.#btf.sizeOf(typeId);
    if (Number.isInteger(size) && size >= 0) return size;
    throw bad(this.#name, `the ${what} type has no size`);
  }

  #agreedSize(what: string, known: number, now: number): number {
    if (known !== 0 && known !== now) {
      throw bad(this.#name, `the ${what} has ${known} bytes in one place and ${now} in another`);
    }
    return now;
  }

  /** `typeof(inner) *values[]` or, for program arrays, `void (*values[])(void)`. */
  #values(member: StructMember): void {
    const array = this.#btf.type(this.#btf.resolve(member.type));
    if (array.kind !== "array") throw bad(this.#name, "member values is not written as __array(values, ...)");
    const pointer = this.#btf.type(this.#btf.resolve(array.elementType));
    if (pointer.kind !== "ptr") throw bad(this.#name, "the elements of values are not pointers");
    const target = this.#btf.type(this.#btf.resolve(pointer.type));
    this.valuesOffset = member.bitOffset / 8;
    if (target.kind === "func_proto") {
      if (this.#spec.type !== MapType.ProgArray) throw bad(this.#name, "only a prog_array holds functions");
      if (this.#spec.keySize === 0) this.#spec.keySize = 4;
      if (this.#spec.valueSize === 0) this.#spec.valueSize = 4;
      return;
    }
    if (target.kind !== "struct") throw bad(this.#name, "the elements of values are not map definitions");
    if (this.#spec.origin === "inner") throw bad(this.#name, "an inner map cannot hold maps itself");
    const inner = readDefinition(this.#btf, pointer.type, `${this.#name}.inner`, "inner", []);
    this.#spec.inner = inner.spec;
  }
}
