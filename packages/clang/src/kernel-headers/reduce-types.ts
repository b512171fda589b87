/** Makes, out of a kernel's BTF, a small BTF of what one program needs, ready to be printed as C. */
import { BtfBuilder, type BtfMember, BtfTable, type BtfType } from "@bpfkit/elf/btf";
import { type SelectionOptions, type TextNames, TypeSelection } from "./select-types.ts";

type Aggregate = Extract<BtfType, { kind: "struct" | "union" }>;

/**
 * The suffix of types that the text also defines. Programs bring partial copies of kernel structs; where the kernel's own is
 * needed besides, inside another struct, it gets this name. CO-RE ignores what follows three underscores.
 */
const FlavourSuffix = "___kernel";

/** The rest of a struct of which only some members are printed; numbered, because anonymous structs share their names. */
const RestMember = "bpfkit_rest";

/** Selects types and copies them to a table of their own; all of its types are wanted. */
export function reduceTypes(table: BtfTable, names: TextNames, options: SelectionOptions): BtfTable {
  const selection = new TypeSelection(table, names, options);
  for (;;) {
    const before = selection.complete.size;
    const bytes = new Copy(table, names, options.lean, selection).run();
    // Copying meets anonymous structs that have to be complete; a type must not be declared in one place and complete in another.
    if (selection.complete.size === before) return BtfTable.decode(bytes, { name: table.name });
  }
}

class Copy {
  readonly #table: BtfTable;
  readonly #names: TextNames;
  readonly #lean: boolean;
  readonly #selection: TypeSelection;
  readonly #builder = new BtfBuilder();
  #rests = 0;
  /** 2 * id + (1 if by value) -> new id. */
  readonly #copies = new Map<number, number>();
  readonly #open: { readonly id: number; readonly byValue: boolean; readonly copy: number }[] = [];

  constructor(table: BtfTable, names: TextNames, lean: boolean, selection: TypeSelection) {
    this.#table = table;
    this.#names = names;
    this.#lean = lean;
    this.#selection = selection;
  }

  run(): Uint8Array {
    for (const id of this.#selection.roots) this.#reference(id, true);
    for (let job = this.#open.pop(); job !== undefined; job = this.#open.pop()) {
      this.#builder.set(job.copy, this.#copyOf(job.id, job.byValue));
    }
    return this.#builder.encode();
  }

  /** The copy of a type for a place that needs it complete (`byValue`) or is content with a declaration. */
  #reference(start: number, byValue: boolean): number {
    let id = start;
    let type = this.#table.type(id);
    // `__user`, `__rcu` and the like matter to the kernel's own checks only.
    while (type.kind === "type_tag") {
      id = type.type;
      type = this.#table.type(id);
    }
    if (type.kind === "void") return 0;
    if (type.kind === "int" || type.kind === "float" || type.kind === "fwd") return this.#builder.add(type);
    if ((type.kind === "struct" || type.kind === "union") && !this.#isComplete(id, type, byValue)) {
      return this.#builder.add({ kind: "fwd", name: type.name, isUnion: type.kind === "union" });
    }
    const key = 2 * id + (byValue ? 1 : 0);
    let copy = this.#copies.get(key);
    // A struct is one type however it is reached.
    copy ??= "members" in type ? this.#copies.get(key ^ 1) : undefined;
    if (copy === undefined) {
      copy = this.#builder.reserve();
      this.#copies.set(key, copy);
      this.#open.push({ id, byValue, copy });
    }
    return copy;
  }

  #isComplete(id: number, type: Aggregate, byValue: boolean): boolean {
    // What has no name cannot be declared only.
    if (type.name === "") this.#selection.require(id);
    if (!this.#selection.complete.has(id)) return false;
    return byValue || !this.#names.defined.tags.has(type.name);
  }

  #copyOf(id: number, byValue: boolean): BtfType {
    const type = this.#table.type(id);
    switch (type.kind) {
      case "ptr":
        return { kind: "ptr", type: this.#reference(type.type, false) };
      case "array":
        return {
          kind: "array",
          elementType: this.#reference(type.elementType, true),
          indexType: this.#reference(type.indexType, true),
          count: type.count,
        };
      case "typedef":
        return {
          kind: "typedef",
          name: this.#typedefName(id, type.name),
          type: this.#reference(type.type, true),
        };
      case "const":
      case "volatile":
      case "restrict":
        return { kind: type.kind, type: this.#reference(type.type, byValue) };
      case "func_proto":
        return {
          kind: "func_proto",
          returnType: this.#reference(type.returnType, false),
          params: type.params.map((param) => ({
            name: param.name,
            type: this.#reference(param.type, false),
          })),
        };
      case "struct":
      case "union":
        return this.#aggregate(type);
      case "enum":
        return { ...type, name: this.#tagName(type.name), values: this.#values(type.values) };
      case "enum64":
        return { ...type, name: this.#tagName(type.name), values: this.#values(type.values) };
      default:
        // Functions, variables, sections and tags are not reached from types.
        return { kind: "ptr", type: 0 };
    }
  }

  #aggregate(type: Aggregate): BtfType {
    const kept = this.#selection.members(type);
    const members = kept.map((member) => ({ ...member, type: this.#reference(member.type, true) }));
    return {
      kind: type.kind,
      name: this.#tagName(type.name),
      size: type.size,
      members: kept.length === type.members.length ? members : this.#closeRanks(type, kept, members),
    };
  }

  /** Moves the members that are left together, and makes up for the others with one array, so that sizeof stays true. */
  #closeRanks(type: Aggregate, kept: readonly BtfMember[], copies: readonly BtfMember[]): BtfMember[] {
    const members: BtfMember[] = [];
    let end = 0;
    for (const [index, member] of kept.entries()) {
      const copy = copies[index];
      if (copy === undefined) continue;
      const size = 8 * this.#table.sizeOf(member.type);
      let start = type.kind === "union" ? 0 : end;
      if (member.bitSize === 0) start = roundUp(start, 8 * this.#table.alignOf(member.type));
      else if ((start % size) + member.bitSize > size) start = roundUp(start, size);
      members.push({ ...copy, bitOffset: start });
      end = start + (member.bitSize === 0 ? size : member.bitSize);
    }
    const restStart = type.kind === "union" ? 0 : Math.ceil(end / 8);
    if (restStart < type.size) {
      members.push({
        name: `${RestMember}${++this.#rests}`,
        type: this.#builder.add({
          kind: "array",
          elementType: this.#builder.add(byteType),
          indexType: this.#builder.add(indexType),
          count: type.size - restStart,
        }),
        bitOffset: 8 * restStart,
        bitSize: 0,
      });
    }
    return members;
  }

  #tagName(name: string): string {
    return name !== "" && this.#names.defined.tags.has(name) ? name + FlavourSuffix : name;
  }

  /** A typedef of a number may be given twice, and the headers between this one and the text use those. */
  #typedefName(id: number, name: string): string {
    if (!this.#names.defined.ordinary.has(name)) return name;
    const target = this.#table.kindOf(this.#table.resolve(id));
    return target === "int" ? name : name + FlavourSuffix;
  }

  #values<Value extends { readonly name: string }>(values: readonly Value[]): Value[] {
    const { used, defined } = this.#names;
    let kept = this.#lean ? values.filter(({ name }) => used.has(name)) : values;
    if (kept.length === 0) kept = values.slice(0, 1);
    return kept.map((value) =>
      defined.ordinary.has(value.name) ? { ...value, name: value.name + FlavourSuffix } : value,
    );
  }
}

const byteType: BtfType = {
  kind: "int",
  name: "char",
  size: 1,
  bits: 8,
  bitOffset: 0,
  signed: true,
  char: false,
  bool: false,
};
const indexType: BtfType = { ...byteType, name: "int", size: 4, bits: 32 };

function roundUp(value: number, multiple: number): number {
  return multiple > 1 ? Math.ceil(value / multiple) * multiple : value;
}
