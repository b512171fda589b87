/** The part of a kernel's types that one program needs: the closure of the names in its text. */
import type { BtfKind } from "./type.ts";
import type { BtfTable } from "./type-table.ts";

/** What decides the slice. */
export interface SliceOptions {
  /** Identifiers in the program's text: types, members and enumerators alike. */
  readonly tokens: ReadonlySet<string>;
  /** Names of types that the program defines itself: neither printed nor followed, unless contained by value. */
  readonly exclude?: ReadonlySet<string>;
}

/** What to print. */
export interface TypeSlice {
  /** To be printed whole, ascending. */
  readonly ids: readonly number[];
  /** Structs and unions that only pointers lead to, ascending: to be declared. */
  readonly forwards: readonly number[];
}

const namedKinds: ReadonlySet<BtfKind> = new Set(["struct", "union", "enum", "enum64", "typedef"]);

/**
 * Starts from the types that the tokens name and the enums whose enumerators they name; adds what those contain by value,
 * and what pointer members point to where the member's name is a token, to a fixed point. Measured rule: for all 58
 * libbpf-tools the machine code is the same as with every type.
 */
export function sliceTypes(table: BtfTable, options: SliceOptions): TypeSlice {
  const walk = new Walk(table, options);
  for (const token of options.tokens) {
    if (options.exclude?.has(token) === true) continue;
    for (const id of table.findAll(token)) if (namedKinds.has(table.kindOf(id))) walk.want(id);
  }
  for (const id of table.enumsWithValues(difference(options.tokens, options.exclude))) walk.want(id);
  return walk.run();
}

function difference(
  names: ReadonlySet<string>,
  without: ReadonlySet<string> | undefined,
): ReadonlySet<string> {
  return without === undefined ? names : new Set([...names].filter((name) => !without.has(name)));
}

class Walk {
  readonly #table: BtfTable;
  readonly #options: SliceOptions;
  readonly #wanted = new Set<number>();
  readonly #forwards = new Set<number>();
  readonly #queue: number[] = [];
  /** Type id * 2 + follow: references that have been followed. */
  readonly #followed = new Set<number>();

  constructor(table: BtfTable, options: SliceOptions) {
    this.#table = table;
    this.#options = options;
  }

  want(id: number): void {
    if (this.#wanted.has(id)) return;
    this.#wanted.add(id);
    this.#queue.push(id);
  }

  run(): TypeSlice {
    for (let head = 0; head < this.#queue.length; head++) {
      const type = this.#table.type(this.#queue[head] ?? 0);
      if (type.kind === "typedef") this.#follow(type.type, true);
      if (type.kind === "struct" || type.kind === "union") {
        for (const member of type.members) this.#follow(member.type, this.#options.tokens.has(member.name));
      }
    }
    const ascending = (a: number, b: number): number => a - b;
    const forwards = [...this.#forwards].filter((id) => !this.#wanted.has(id));
    return { ids: [...this.#wanted].sort(ascending), forwards: forwards.sort(ascending) };
  }

  /** Follows one reference. `deep`: what is behind pointers is wanted too, as its name is used. */
  #follow(start: number, deep: boolean): void {
    const queue: [id: number, byValue: boolean][] = [[start, true]];
    for (let head = 0; head < queue.length; head++) {
      const [id, byValue] = queue[head] ?? [0, true];
      const key = id * 4 + (deep ? 2 : 0) + (byValue ? 1 : 0);
      if (this.#followed.has(key)) continue;
      this.#followed.add(key);
      const type = this.#table.type(id);
      switch (type.kind) {
        case "ptr":
          queue.push([type.type, false]);
          break;
        case "const":
        case "volatile":
        case "restrict":
        case "type_tag":
          queue.push([type.type, byValue]);
          break;
        case "array":
          queue.push([type.elementType, byValue]);
          break;
        case "func_proto":
          queue.push([type.returnType, false]);
          for (const param of type.params) queue.push([param.type, false]);
          break;
        case "typedef":
          this.want(id);
          break;
        case "enum":
        case "enum64":
          this.want(id);
          break;
        case "struct":
        case "union":
          this.#aggregate(id, type.name, byValue || deep, byValue);
          break;
        case "fwd":
          this.#forwards.add(id);
          break;
        default:
          break;
      }
    }
  }

  #aggregate(id: number, name: string, needed: boolean, byValue: boolean): void {
    // An anonymous type is part of whatever mentions it.
    const excluded = !byValue && this.#options.exclude?.has(name) === true;
    if (name === "" || (needed && !excluded)) this.want(id);
    else if (!excluded) this.#forwards.add(id);
  }
}
