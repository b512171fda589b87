/** Builds a .BTF section type by type. */
import { ByteWriter } from "@bpfkit/base/bytes";
import { BpfkitError, InternalError } from "@bpfkit/base/diagnostics";
import { btfHeaderSize, btfMagic, btfVersion } from "./header.ts";
import { type KindRow, kindCodec } from "./kind-codec.ts";
import type { BtfKind, BtfType } from "./type.ts";
import type { BtfTable } from "./type-table.ts";

/** Options of {@link BtfBuilder}. */
export interface BtfBuilderOptions {
  /** Build split BTF on top of this table: ids and string offsets continue its own. */
  readonly base?: BtfTable;
}

const encoder = new TextEncoder();

/** Collects types and strings. Ids are given in the order of `add` and `reserve`, so output is deterministic. */
export class BtfBuilder {
  readonly #types: (BtfType | undefined)[] = [];
  readonly #known = new Map<string, number>();
  readonly #strings = new Map<string, number>([["", 0]]);
  readonly #texts = new ByteWriter();
  readonly #firstId: number;
  readonly #firstString: number;

  constructor(options: BtfBuilderOptions = {}) {
    this.#firstId = options.base?.typeCount ?? 1;
    this.#firstString = options.base?.stringsEnd ?? 0;
    if (options.base === undefined) this.#texts.u8(0);
  }

  /** Number of ids, void (0) and the base's included: the next id. */
  get typeCount(): number {
    return this.#firstId + this.#types.length;
  }

  /**
   * Adds a type and returns its id. Equal types of the kinds that have no identity of their own (int, ptr, array, float,
   * qualifiers, typedef, fwd, func_proto, type_tag) are added once; void is always 0.
   */
  add(type: BtfType): number {
    if (type.kind === "void") return 0;
    const key = mergeKey(type);
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) return known;
    const id = this.typeCount;
    this.#types.push(type);
    if (key !== undefined) this.#known.set(key, id);
    return id;
  }

  /** Takes an id for a type that is given later by {@link set}: for cycles. */
  reserve(): number {
    const id = this.typeCount;
    this.#types.push(undefined);
    return id;
  }

  /** Gives a reserved id its type, or replaces a type. */
  set(id: number, type: BtfType): void {
    const index = id - this.#firstId;
    if (index < 0 || index >= this.#types.length || type.kind === "void") {
      throw new InternalError(`BTF id ${id} cannot be set to a ${type.kind}`);
    }
    this.#types[index] = type;
  }

  /** A type added before; undefined for reserved ids without a type. */
  get(id: number): BtfType | undefined {
    return id === 0 ? { kind: "void" } : this.#types[id - this.#firstId];
  }

  /** Offset of a string in the string table; adds it once. */
  string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    if (text.includes("\0")) throw new BpfkitError("EL109", "a BTF string cannot contain NUL");
    const offset = this.#firstString + this.#texts.length;
    this.#texts.bytes(encoder.encode(text)).u8(0);
    this.#strings.set(text, offset);
    return offset;
  }

  /** The bytes of the .BTF section, little-endian. @throws InternalError where a reserved id was never set. */
  encode(): Uint8Array {
    const types = new ByteWriter();
    const sink = { writer: types, string: (text: string) => this.string(text) };
    for (const [index, type] of this.#types.entries()) {
      if (type === undefined)
        throw new InternalError(`BTF id ${this.#firstId + index} was reserved but never set`);
      (kindCodec[type.kind] as KindRow<BtfKind>).encode(type as never, sink);
    }
    const out = new ByteWriter();
    out.u16(btfMagic).u8(btfVersion).u8(0).u32(btfHeaderSize);
    out.u32(0).u32(types.length).u32(types.length).u32(this.#texts.length);
    return out.bytes(types.finish()).bytes(this.#texts.finish()).finish();
  }
}

/** What makes two types the same; undefined for kinds where equal content may still mean different things. */
function mergeKey(type: BtfType): string | undefined {
  switch (type.kind) {
    case "int":
      return `int ${type.name} ${type.size} ${type.bits} ${type.bitOffset} ${type.signed} ${type.char} ${type.bool}`;
    case "ptr":
    case "const":
    case "volatile":
    case "restrict":
      return `${type.kind} ${type.type}`;
    case "array":
      return `array ${type.elementType} ${type.indexType} ${type.count}`;
    case "typedef":
    case "type_tag":
      return `${type.kind} ${type.type} ${type.name}${type.kind === "type_tag" && type.attribute ? " attribute" : ""}`;
    case "fwd":
      return `fwd ${type.name} ${type.isUnion}`;
    case "float":
      return `float ${type.name} ${type.size}`;
    case "func_proto":
      return `proto ${type.returnType} ${type.params.map((param) => `${param.name}:${param.type}`).join(",")}`;
    default:
      return undefined;
  }
}
