/** Types by id and by name, read lazily: one scan over the records, each type decoded when it is asked for. */
import { decodeText } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type BtfHeader, readBtfHeader } from "./header.ts";
import { kindCodec, kindsByNumber } from "./kind-codec.ts";
import { NameIndex, NameSet } from "./name-index.ts";
import { alignmentOf, sizeOfType, stripModifiers } from "./resolve.ts";
import type { BtfKind, BtfType } from "./type.ts";

/** Options of {@link BtfTable.decode}. */
export interface BtfTableOptions {
  /** For split BTF (modules): the table whose ids and strings these continue. */
  readonly base?: BtfTable;
  /** For messages: `.BTF of tool.o`. */
  readonly name?: string;
}

const recordSize = 12;
const trailerSizes = kindsByNumber.map((kind) => kindCodec[kind].trailerSize);
const voidType: BtfType = { kind: "void" };

/** A decoded .BTF section. Immutable; keeps a view of the bytes it was made from, so do not modify them. */
export class BtfTable {
  readonly name: string;
  readonly base: BtfTable | undefined;
  /** Number of ids, void (0) and the base's included: valid ids are 0 to typeCount - 1. */
  readonly typeCount: number;
  readonly littleEndian: boolean;
  /** First id that is not the base's; 1 without a base. */
  readonly firstId: number;
  /** First string offset that is not the base's; 0 without a base. */
  readonly firstString: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #header: BtfHeader;
  /** Offset of each record, by id - firstId. */
  readonly #offsets: Uint32Array;
  readonly #types: (BtfType | undefined)[] = [];
  readonly #strings = new Map<number, string>();
  readonly #alignments = new Map<number, number>();
  /** Strings may share their ends; a hostile table could make that quadratic. */
  #decodedBytes = 0;
  #index: NameIndex | undefined;

  private constructor(bytes: Uint8Array, options: BtfTableOptions) {
    this.name = options.name ?? "BTF";
    this.base = options.base;
    // Methods of a plain Uint8Array are several times quicker than those of Node's Buffer.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#header = readBtfHeader(bytes, this.name);
    this.littleEndian = this.#header.littleEndian;
    this.firstId = this.base?.typeCount ?? 1;
    this.firstString = this.base?.stringsEnd ?? 0;
    this.#checkStrings();
    this.#offsets = this.#scan();
    this.typeCount = this.firstId + this.#offsets.length;
  }

  /**
   * Scans a .BTF section. Types are decoded on demand, so damage inside one type shows when it is read.
   * @throws BpfkitError `EL101` to `EL105`
   */
  static decode(bytes: Uint8Array, options: BtfTableOptions = {}): BtfTable {
    return new BtfTable(bytes, options);
  }

  /** One past the last string offset, the base's included. */
  get stringsEnd(): number {
    return this.firstString + this.#header.stringsSize;
  }

  /** The bytes of the section. Not a copy. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The type with an id. @throws BpfkitError `EL106` for an id outside the table, `EL104` and `EL105` for damage. */
  type(id: number): BtfType {
    if (id === 0) return voidType;
    if (id < this.firstId && this.base !== undefined) return this.base.type(id);
    const index = id - this.firstId;
    const known = this.#types[index];
    if (known !== undefined) return known;
    const type = this.#decodeAt(this.#offsetOf(id));
    this.#types[index] = type;
    return type;
  }

  /** The kind of a type without decoding it. @throws BpfkitError `EL106` */
  kindOf(id: number): BtfKind {
    if (id === 0) return "void";
    if (id < this.firstId && this.base !== undefined) return this.base.kindOf(id);
    return kindsByNumber[this.#kindNumber(this.#offsetOf(id))] ?? "void";
  }

  /** The name of a type without decoding it; empty for anonymous types. @throws BpfkitError `EL106`, `EL105` */
  nameOf(id: number): string {
    if (id === 0) return "";
    if (id < this.firstId && this.base !== undefined) return this.base.nameOf(id);
    return this.string(this.#view.getUint32(this.#offsetOf(id), this.littleEndian));
  }

  /** The string at an offset in the string table. @throws BpfkitError `EL105` */
  string(offset: number): string {
    if (offset < this.firstString && this.base !== undefined) return this.base.string(offset);
    const known = this.#strings.get(offset);
    if (known !== undefined) return known;
    const start = this.#stringStart(offset);
    // The table ends with NUL (checked when it was opened), so there is an end.
    const end = this.#bytes.indexOf(0, start);
    this.#decodedBytes += end - start;
    if (this.#decodedBytes > this.#header.stringsSize * 16) {
      throw new BpfkitError("EL105", `${this.name}: the strings overlap too much to be real`);
    }
    const text = decodeText(this.#bytes, start, end);
    this.#strings.set(offset, text);
    return text;
  }

  /** Lowest id of a type with this name, of one kind if given. */
  find(name: string, kind?: BtfKind): number | undefined {
    const inBase = this.base?.find(name, kind);
    if (inBase !== undefined) return inBase;
    for (const id of this.#names().ids(name)) {
      if (kind === undefined || this.kindOf(id) === kind) return id;
    }
    return undefined;
  }

  /** Ids of all types with this name, ascending. */
  findAll(name: string): number[] {
    return [...(this.base?.findAll(name) ?? []), ...this.#names().ids(name)];
  }

  /** Ids of all types of a kind, ascending, the base's included. */
  *typesOfKind(kind: BtfKind): Iterable<number> {
    if (this.base !== undefined) yield* this.base.typesOfKind(kind);
    const wanted = kindCodec[kind].number;
    for (let index = 0; index < this.#offsets.length; index++) {
      if (this.#kindNumber(this.#offsets[index] ?? 0) === wanted) yield this.firstId + index;
    }
  }

  /**
   * Ids of the enums with an enumerator of one of these names, ascending; the quick way to where a constant comes from, as it
   * decodes no type.
   */
  enumsWithValues(names: ReadonlySet<string>): number[] {
    const found = this.base?.enumsWithValues(names) ?? [];
    const wanted = new NameSet(names);
    for (let index = 0; index < this.#offsets.length; index++) {
      const offset = this.#offsets[index] ?? 0;
      const kind = this.#kindNumber(offset);
      if (kind !== kindCodec.enum.number && kind !== kindCodec.enum64.number) continue;
      if (this.#hasValue(offset, kind === kindCodec.enum.number ? 8 : 12, wanted))
        found.push(this.firstId + index);
    }
    return found;
  }

  #hasValue(record: number, valueSize: number, wanted: NameSet): boolean {
    const count = this.#view.getUint32(record + 4, this.littleEndian) & 0xffff;
    const end = record + recordSize + count * valueSize;
    for (let at = record + recordSize; at < end; at += valueSize) {
      const name = this.stringBytes(this.#view.getUint32(at, this.littleEndian));
      if (name !== undefined && wanted.has(name)) return true;
    }
    return false;
  }

  /** The id with typedefs, const, volatile, restrict and type tags stripped. @throws BpfkitError `EL107` for a cycle */
  resolve(id: number): number {
    return stripModifiers(this, id);
  }

  /** Bytes that a type takes in memory; 0 for void and functions. @throws BpfkitError `EL107`, `EL108`, `EL110` */
  sizeOf(id: number): number {
    return sizeOfType(this, id);
  }

  /** Alignment in bytes that a type shows; 1 for a packed struct. @throws BpfkitError `EL107`, `EL110` */
  alignOf(id: number): number {
    return alignmentOf(this, id, this.#alignments);
  }

  #checkStrings(): void {
    const { stringsOffset, stringsSize } = this.#header;
    if (stringsSize === 0) {
      if (this.base !== undefined) return;
      throw new BpfkitError("EL105", `${this.name} has no strings; the first must be the empty one`);
    }
    const first = this.#bytes[stringsOffset];
    const last = this.#bytes[stringsOffset + stringsSize - 1];
    if (last !== 0 || (this.base === undefined && first !== 0)) {
      throw new BpfkitError("EL105", `${this.name}: the string table does not start and end with NUL`);
    }
  }

  #scan(): Uint32Array {
    const { typesOffset, typesSize, littleEndian } = this.#header;
    const view = this.#view;
    const end = typesOffset + typesSize;
    const offsets = new Uint32Array(Math.ceil(typesSize / recordSize));
    let count = 0;
    let at = typesOffset;
    while (at < end) {
      if (end - at < recordSize) this.#cutOff(count);
      const info = view.getUint32(at + 4, littleEndian);
      const trailer = trailerSizes[(info >>> 24) & 0x1f];
      if (trailer === undefined || ((info >>> 24) & 0x1f) === 0) {
        const id = this.firstId + count;
        throw new BpfkitError(
          "EL104",
          `${this.name}: type ${id} has the unknown kind ${(info >>> 24) & 0x1f}`,
          {
            hint: "The file is damaged, or newer than this version of bpfkit knows.",
          },
        );
      }
      offsets[count] = at;
      count++;
      at += recordSize + trailer(info & 0xffff);
    }
    if (at > end) this.#cutOff(count - 1);
    return offsets.slice(0, count);
  }

  #cutOff(index: number): never {
    throw new BpfkitError(
      "EL104",
      `${this.name}: type ${this.firstId + index} reaches past the end of the types`,
      {
        hint: "The file is cut off or damaged.",
      },
    );
  }

  #offsetOf(id: number): number {
    const offset = this.#offsets[id - this.firstId];
    if (offset === undefined) {
      throw new BpfkitError(
        "EL106",
        `${this.name}: there is no type ${id}; ids end at ${this.typeCount - 1}`,
        {
          hint: "The file is damaged, or refers to types of another BTF.",
        },
      );
    }
    return offset;
  }

  #kindNumber(offset: number): number {
    return (this.#view.getUint32(offset + 4, this.littleEndian) >>> 24) & 0x1f;
  }

  #stringStart(offset: number): number {
    const local = offset - this.firstString;
    if (!(local >= 0 && local < this.#header.stringsSize)) {
      throw new BpfkitError("EL105", `${this.name}: string offset ${offset} is outside the string table`);
    }
    return this.#header.stringsOffset + local;
  }

  #decodeAt(offset: number): BtfType {
    const view = this.#view;
    const littleEndian = this.littleEndian;
    const info = view.getUint32(offset + 4, littleEndian);
    const kind = kindsByNumber[(info >>> 24) & 0x1f] ?? "void";
    return kindCodec[kind].decode({
      view,
      littleEndian,
      trailer: offset + recordSize,
      name: this.string(view.getUint32(offset, littleEndian)),
      vlen: info & 0xffff,
      kindFlag: info >>> 31 === 1,
      sizeOrType: view.getUint32(offset + 8, littleEndian),
      stringAt: (at) => this.string(at),
    });
  }

  #names(): NameIndex {
    this.#index ??= new NameIndex(this.#offsets, this.firstId, (record) => {
      const name = this.#view.getUint32(record, this.littleEndian);
      return name < this.firstString ? this.base?.stringBytes(name) : this.stringBytes(name);
    });
    return this.#index;
  }

  /** The bytes from a string's start on, to be read up to the NUL; undefined for the empty string and bad offsets. */
  stringBytes(offset: number): StringBytes | undefined {
    if (offset < this.firstString) return this.base?.stringBytes(offset);
    const local = offset - this.firstString;
    if (local >= this.#header.stringsSize) return undefined;
    const start = this.#header.stringsOffset + local;
    return this.#bytes[start] === 0 ? undefined : { bytes: this.#bytes, start };
  }
}

/** A place in a byte array where a NUL-terminated string starts. */
export interface StringBytes {
  readonly bytes: Uint8Array;
  readonly start: number;
}
