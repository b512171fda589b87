/** BTF types as C source that clang lays out the same way: in dependency order, declared before they are used. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { CDeclarations, isBuiltin } from "./c-declaration.ts";
import type { BtfType } from "./type.ts";
import type { BtfTable } from "./type-table.ts";

/** How to print. */
export interface PrintCOptions {
  /** Structs and unions to declare although nothing printed points to them. */
  readonly forwards?: Iterable<number>;
  /** Put the types between the pragmas that make accesses relocatable (CO-RE); off unless told. */
  readonly preserveAccessIndex?: boolean;
}

const pragmaPush = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

`;
const pragmaPop = `
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif
`;

/**
 * C definitions of the types with these ids and of all that they contain by value; what they only point to is declared,
 * unless it is among the ids. Types of one name are numbered (`name___2`) in the order of printing. Functions, variables
 * and sections are no types and are passed over. The same ids in the same order give the same text.
 * @throws BpfkitError `EL107` for types that contain themselves, `EL112` for absurd nesting, and the errors of BtfTable.type
 */
export function printC(table: BtfTable, ids: Iterable<number>, options: PrintCOptions = {}): string {
  const printer = new Printer(table);
  for (const id of ids) printer.request(id);
  for (const id of options.forwards ?? []) printer.declareOnly(id);
  const text = printer.finish();
  return options.preserveAccessIndex === true ? `${pragmaPush}${text}${pragmaPop}` : text;
}

/** One type as a declarator with a name, for messages: `struct task_struct *task`. Bodies of anonymous types are shown. */
export function printDeclaration(table: BtfTable, id: number, name = ""): string {
  return new CDeclarations(table).declare(id, name);
}

class Printer {
  readonly #table: BtfTable;
  readonly #declarations: CDeclarations;
  readonly #out: string[] = [];
  /** Structs, unions, enums and typedefs by how far they are: open ones are being waited for. */
  readonly #state = new Map<number, "open" | "done">();
  readonly #declared = new Set<string>();
  /** Anonymous enums asked for: only those that no other declaration contains are printed on their own. */
  readonly #anonymousEnums: number[] = [];

  constructor(table: BtfTable) {
    this.#table = table;
    this.#declarations = new CDeclarations(table);
  }

  request(id: number): void {
    const type = this.#table.type(id);
    switch (type.kind) {
      case "struct":
      case "union":
      case "enum":
      case "enum64":
        if (type.name !== "") this.#define(id);
        else if (type.kind === "enum" || type.kind === "enum64") this.#anonymousEnums.push(id);
        break;
      case "typedef":
        this.#define(id);
        break;
      case "fwd":
        this.#declare(id, type);
        break;
      case "void":
      case "func":
      case "var":
      case "datasec":
      case "decl_tag":
        break;
      default:
        for (const needed of this.#needs([[id, false]])) this.#define(needed);
    }
  }

  declareOnly(id: number): void {
    const type = this.#table.type(id);
    if ((type.kind === "struct" || type.kind === "union" || type.kind === "fwd") && type.name !== "") {
      this.#declare(id, type);
    }
  }

  finish(): string {
    for (const id of this.#anonymousEnums) {
      const type = this.#table.type(id);
      if (this.#declarations.wasInlined(id) || (type.kind !== "enum" && type.kind !== "enum64")) continue;
      if (type.values.length > 0) this.#out.push(this.#declarations.enumeration(id, type));
    }
    return this.#out.join("\n");
  }

  /** Prints a definition after everything it needs. Depth first, with a stack of its own. */
  #define(root: number): void {
    if (this.#state.has(root)) return;
    const stack: { readonly id: number; readonly needs: readonly number[]; next: number }[] = [];
    const enter = (id: number): void => {
      this.#state.set(id, "open");
      stack.push({ id, needs: this.#needs(this.#parts(id), id), next: 0 });
    };
    enter(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const need = top.needs[top.next];
      top.next++;
      if (need === undefined) {
        stack.pop();
        this.#print(top.id);
        this.#state.set(top.id, "done");
        continue;
      }
      const state = this.#state.get(need);
      if (state === undefined) enter(need);
      else if (state === "open") {
        throw new BpfkitError("EL107", `${this.#table.name}: type ${need} contains itself`, {
          hint: "The BTF is damaged.",
        });
      }
    }
  }

  /** The types that a definition is made of, and whether each must be complete. */
  #parts(id: number): [number, boolean][] {
    const type = this.#table.type(id);
    if (type.kind === "struct" || type.kind === "union")
      return type.members.map((member) => [member.type, true]);
    return type.kind === "typedef" ? [[type.type, false]] : [];
  }

  /**
   * What must be printed before something made of these parts: definitions by value, typedefs and enums everywhere.
   * Structs behind pointers are declared on the way, but for the one that is being defined: its head does that.
   */
  #needs(parts: [number, boolean][], self = 0): number[] {
    const needs = new Set<number>();
    const seen = new Set<number>();
    const queue = parts;
    for (let head = 0; head < queue.length; head++) {
      const [id, complete] = queue[head] ?? [0, false];
      const key = id * 2 + (complete ? 1 : 0);
      if (seen.has(key)) continue;
      seen.add(key);
      const type = this.#table.type(id);
      switch (type.kind) {
        case "ptr":
          queue.push([type.type, false]);
          break;
        case "const":
        case "volatile":
        case "restrict":
        case "type_tag":
          queue.push([type.type, complete]);
          break;
        case "array":
          // C wants complete elements even behind a pointer.
          queue.push([type.elementType, true]);
          break;
        case "func_proto":
          queue.push([type.returnType, false]);
          for (const param of type.params) queue.push([param.type, false]);
          break;
        case "struct":
        case "union":
          if (type.name === "") for (const member of type.members) queue.push([member.type, true]);
          else if (complete) needs.add(id);
          else if (id !== self) this.#declare(id, type);
          break;
        case "enum":
        case "enum64":
          if (type.name !== "") needs.add(id);
          break;
        case "typedef":
          if (!isBuiltin(type.name)) needs.add(id);
          else if (!complete) queue.push([type.type, false]);
          if (complete) queue.push([type.type, true]);
          break;
        case "fwd":
          this.#declare(id, type);
          break;
        default:
          break;
      }
    }
    return [...needs];
  }

  #declare(id: number, type: BtfType): void {
    // A definition that is printed or under way declares by itself.
    if (this.#state.get(id) === "done") return;
    const text = this.#declarations.forward(id, type);
    if (this.#declared.has(text)) return;
    this.#declared.add(text);
    this.#out.push(text);
  }

  #print(id: number): void {
    const type = this.#table.type(id);
    switch (type.kind) {
      case "struct":
      case "union":
        this.#out.push(this.#declarations.aggregate(id, type));
        break;
      case "enum":
      case "enum64":
        this.#out.push(this.#declarations.enumeration(id, type));
        break;
      case "typedef":
        if (!isBuiltin(type.name)) this.#out.push(this.#declarations.typedef(id, type.name, type.type));
        break;
      default:
        break;
    }
  }
}
