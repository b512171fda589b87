/** Which of a kernel's structs a program needs complete, judged by the identifiers in its text. */
import type { BtfMember, BtfTable, BtfType } from "@bpfkit/elf/btf";
import type { DefinedNames } from "./defined-names.ts";

/** What the program's text says. */
export interface TextNames {
  /** Every identifier. */
  readonly used: ReadonlySet<string>;
  readonly defined: DefinedNames;
}

/** How much to take. */
export interface SelectionOptions {
  /** Every named type. */
  readonly whole: boolean;
  /** Of structs with many members only those that the text names. */
  readonly lean: boolean;
}

/** Up to this many members a struct is taken as it is. Headers reach into `struct pt_regs` (21) by macros of their own. */
const SmallStruct = 24;

/** No chain of typedefs and pointers in a kernel is near this long. */
const LongestChain = 64;

/**
 * Starts from the types and enumerators that the text names. A complete struct needs the structs that it contains, and those
 * behind its pointers where the text names the pointer: `p->q->disk` needs what `q` points to, and nothing behind other
 * pointers. Everything else may stay declared.
 */
export class TypeSelection {
  /** Types to be printed for their own sake: structs, unions, enums and typedefs. Ascending ids. */
  readonly roots: readonly number[];
  /** Structs and unions to be printed with their members. */
  readonly complete = new Set<number>();
  readonly #table: BtfTable;
  readonly #names: TextNames;
  readonly #options: SelectionOptions;
  /** Complete types whose members have not been looked at. */
  readonly #open: number[] = [];

  constructor(table: BtfTable, names: TextNames, options: SelectionOptions) {
    this.#table = table;
    this.#names = names;
    this.#options = options;
    this.roots = options.whole ? this.#allTypes() : this.#namedTypes();
    for (const id of this.roots) this.#followRoot(id);
    this.#close();
  }

  /** Takes one more type, and what it contains. */
  require(id: number): void {
    this.#need(id);
    this.#close();
  }

  /** The members to be printed, in order. */
  members(type: Extract<BtfType, { kind: "struct" | "union" }>): readonly BtfMember[] {
    if (!this.#options.lean || type.members.length <= SmallStruct) return type.members;
    return type.members.filter((member) => this.#isNamed(member, 0));
  }

  #isNamed(member: BtfMember, depth: number): boolean {
    if (member.name !== "") return this.#names.used.has(member.name);
    const inner = this.#table.type(this.#table.resolve(member.type));
    if (depth > LongestChain || (inner.kind !== "struct" && inner.kind !== "union")) return false;
    return inner.members.some((innerMember) => this.#isNamed(innerMember, depth + 1));
  }

  #allTypes(): number[] {
    const ids: number[] = [];
    for (const kind of ["struct", "union", "enum", "enum64", "typedef"] as const) {
      for (const id of this.#table.typesOfKind(kind)) {
        // Anonymous structs are printed where they are used; anonymous enums are there for their values.
        if (kind === "enum" || kind === "enum64" || this.#table.nameOf(id) !== "") ids.push(id);
      }
    }
    return this.#withoutOwnTags(ids);
  }

  #namedTypes(): number[] {
    const ids: number[] = [];
    for (const name of this.#names.used) {
      for (const id of this.#table.findAll(name)) {
        if (printable.has(this.#table.kindOf(id))) ids.push(id);
      }
    }
    ids.push(...this.#table.enumsWithValues(this.#names.used));
    return this.#withoutOwnTags([...new Set(ids)].sort((a, b) => a - b));
  }

  /** The text's own structs stand in for the kernel's of that name. */
  #withoutOwnTags(ids: readonly number[]): number[] {
    return ids.filter((id) => {
      const kind = this.#table.kindOf(id);
      return (kind !== "struct" && kind !== "union") || !this.#names.defined.tags.has(this.#table.nameOf(id));
    });
  }

  #followRoot(id: number): void {
    const kind = this.#table.kindOf(id);
    if (kind === "struct" || kind === "union") this.#need(id);
    else if (kind === "typedef") this.#follow(id, true);
  }

  /** From a type to the struct that it leads to by value, or also by pointer. */
  #follow(start: number, throughPointers: boolean): void {
    let id = start;
    for (let step = 0; step < LongestChain; step++) {
      const type = this.#table.type(id);
      switch (type.kind) {
        case "struct":
        case "union":
          this.#need(id);
          return;
        case "ptr":
          if (!throughPointers) return;
          id = type.type;
          break;
        case "array":
          id = type.elementType;
          break;
        case "typedef":
        case "const":
        case "volatile":
        case "restrict":
        case "type_tag":
          id = type.type;
          break;
        default:
          return;
      }
    }
  }

  #need(id: number): void {
    if (this.complete.has(id)) return;
    this.complete.add(id);
    this.#open.push(id);
  }

  #close(): void {
    for (let id = this.#open.pop(); id !== undefined; id = this.#open.pop()) {
      const type = this.#table.type(id);
      if (type.kind !== "struct" && type.kind !== "union") continue;
      for (const member of this.members(type)) {
        this.#follow(member.type, this.#options.whole || this.#names.used.has(member.name));
      }
    }
  }
}

const printable: ReadonlySet<BtfType["kind"]> = new Set(["struct", "union", "enum", "enum64", "typedef"]);
