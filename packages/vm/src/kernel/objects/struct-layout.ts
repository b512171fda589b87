/** Where the fields of kernel structs are, as the profile's BTF says. Answers are kept: each path is resolved once. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfTable } from "@bpfkit/elf/btf";

/** A field's place from the start of the struct. */
export interface FieldPlace {
  /** Bytes. */
  readonly offset: number;
  /** Bytes of the field's type; for a bit-field, of the bytes it touches. */
  readonly size: number;
  /** Bits to shift for a bit-field. */
  readonly bitOffset: number;
  /** Width of a bit-field; 0 for ordinary fields. */
  readonly bitSize: number;
}

/** A place and the type found there, while walking a path. */
interface Position {
  readonly type: number;
  readonly bitOffset: number;
  readonly bitSize: number;
}

/** Struct layouts out of one BTF. Struct names and field paths are C's: `numbers[0].ns`, through anonymous members too. */
export class StructLayouts {
  readonly #btf: () => BtfTable;
  readonly #structs = new Map<string, number | undefined>();
  readonly #fields = new Map<string, Map<string, FieldPlace | undefined>>();

  /** `btf` is asked when the first layout is wanted. */
  constructor(btf: () => BtfTable) {
    this.#btf = btf;
  }

  /** Size in bytes of a struct; undefined where the kernel has none of that name. */
  sizeOf(struct: string): number | undefined {
    const id = this.#structId(struct);
    return id === undefined ? undefined : this.#btf().sizeOf(id);
  }

  /** The place of a field; undefined where the struct has no such field in this kernel. */
  field(struct: string, path: string): FieldPlace | undefined {
    let fields = this.#fields.get(struct);
    if (fields === undefined) {
      fields = new Map();
      this.#fields.set(struct, fields);
    }
    const known = fields.get(path);
    if (known !== undefined || fields.has(path)) return known;
    const place = this.#resolve(struct, path);
    fields.set(path, place);
    return place;
  }

  /** {@link field} for fields every kernel has. @throws BpfkitError VM041 */
  requiredField(struct: string, path: string): FieldPlace {
    const place = this.field(struct, path);
    if (place === undefined) {
      throw new BpfkitError("VM041", `the kernel profile's BTF has no field ${path} in struct ${struct}`);
    }
    return place;
  }

  #structId(struct: string): number | undefined {
    if (!this.#structs.has(struct)) this.#structs.set(struct, this.#btf().find(struct, "struct"));
    return this.#structs.get(struct);
  }

  #resolve(struct: string, path: string): FieldPlace | undefined {
    const id = this.#structId(struct);
    if (id === undefined) return undefined;
    let position: Position | undefined = { type: id, bitOffset: 0, bitSize: 0 };
    for (const step of path.split(/\.|(?=\[)/)) {
      position = step.startsWith("[")
        ? this.#element(position, Number(step.slice(1, -1)))
        : this.#member(position, step);
      if (position === undefined) return undefined;
    }
    const { bitOffset, bitSize } = position;
    if (bitSize === 0) {
      return { offset: bitOffset / 8, size: this.#btf().sizeOf(position.type), bitOffset: 0, bitSize: 0 };
    }
    const shift = bitOffset % 8;
    return {
      offset: (bitOffset - shift) / 8,
      size: Math.ceil((shift + bitSize) / 8),
      bitOffset: shift,
      bitSize,
    };
  }

  #element(position: Position, index: number): Position | undefined {
    const btf = this.#btf();
    const array = btf.type(btf.resolve(position.type));
    // An array of no elements at the end of a struct is a flexible one.
    if (array.kind !== "array" || (array.count > 0 && index >= array.count)) return undefined;
    const bitOffset = position.bitOffset + index * btf.sizeOf(array.elementType) * 8;
    return { type: array.elementType, bitOffset, bitSize: 0 };
  }

  /** A member by name, looked for in anonymous structs and unions as well. */
  #member(start: Position, name: string): Position | undefined {
    const btf = this.#btf();
    const waiting: Position[] = [start];
    for (let visited = 0; visited < 1000; visited++) {
      const position = waiting.shift();
      if (position === undefined) return undefined;
      const type = btf.type(btf.resolve(position.type));
      if (type.kind !== "struct" && type.kind !== "union") continue;
      for (const member of type.members) {
        const bitOffset = position.bitOffset + member.bitOffset;
        if (member.name === name) return { type: member.type, bitOffset, bitSize: member.bitSize };
        if (member.name === "") waiting.push({ type: member.type, bitOffset, bitSize: 0 });
      }
    }
    return undefined;
  }
}
