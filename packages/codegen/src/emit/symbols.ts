/** The symbol table in the making, and how relocations name what they refer to. */
import type { ObjectSymbol } from "@bpfkit/elf/object";
import type { IrFunction, Linkage, Visibility } from "../ir/function.ts";
import type { IrAlias, IrGlobal, IrModule } from "../ir/module.ts";
import { foldAddress } from "./initializer.ts";

/** Where a symbol is defined. */
export interface Place {
  readonly section: number;
  readonly offset: number;
}

/** What a relocation refers to: a symbol of the table, and bytes to add, kept in the relocated field. */
export interface Reference {
  readonly symbol: number;
  readonly addend: number;
}

/** Symbols of one object. */
export class SymbolTable {
  readonly symbols: ObjectSymbol[] = [];
  readonly #module: IrModule;
  readonly #places = new Map<string, Place>();
  readonly #sizes = new Map<string, number>();
  readonly #indices = new Map<string, number>();
  readonly #sections = new Map<number, number>();
  readonly #sectionName: (index: number) => string;

  constructor(module: IrModule, sectionName: (index: number) => string) {
    this.#module = module;
    this.#sectionName = sectionName;
    this.symbols.push({
      name: module.sourceFileName,
      value: 0,
      size: 0,
      binding: "local",
      type: "file",
      visibility: "default",
      section: "absolute",
    });
  }

  /** Records where something is defined; what has a name in the object gets a symbol. */
  define(value: IrFunction | IrGlobal | IrAlias, place: Place, size: number): void {
    this.#places.set(value.name, place);
    this.#sizes.set(value.name, size);
    if (value.linkage === "private") return;
    this.#indices.set(value.name, this.symbols.length);
    this.symbols.push({
      name: value.name,
      value: place.offset,
      size,
      binding: bindingOf(value.linkage),
      type: this.#isVariable(value) ? "object" : "func",
      visibility: visibilityOf(value.visibility),
      section: place.section,
    });
  }

  /** Records that an alias stands for a place in something defined, whose size it takes over, as LLVM has it. */
  defineAlias(alias: IrAlias): void {
    const target = foldAddress(alias.aliasee);
    const place = target?.symbol === undefined ? undefined : this.placeOf(target.symbol);
    if (target?.symbol === undefined || place === undefined) return;
    const size = this.#sizes.get(this.#resolve(target.symbol)) ?? 0;
    this.define(alias, { section: place.section, offset: place.offset + Number(target.addend) }, size);
  }

  /** Aliases are of the kind of what is behind them. */
  #isVariable(value: IrFunction | IrGlobal | IrAlias): boolean {
    let current: IrFunction | IrGlobal | IrAlias | undefined = value;
    for (let step = 0; step < 100 && current?.kind === "alias"; step++) {
      const symbol: string | undefined = foldAddress(current.aliasee)?.symbol;
      current = symbol === undefined ? undefined : this.#module.symbols.get(symbol);
    }
    return current?.kind === "global";
  }

  /** A variable whose place the linker chooses (`-fcommon`). ELF keeps its alignment in the value. */
  defineCommon(value: IrGlobal, size: number, align: number): void {
    this.#indices.set(value.name, this.symbols.length);
    const visibility = visibilityOf(value.visibility);
    const { name } = value;
    this.symbols.push({
      name,
      value: align,
      size,
      binding: "global",
      type: "object",
      visibility,
      section: "common",
    });
  }

  /** Where a symbol is defined; undefined for what other objects or the kernel define. */
  placeOf(name: string): Place | undefined {
    return this.#places.get(this.#resolve(name));
  }

  /** True for symbols that other objects cannot see: references to them are settled by section and offset. */
  isLocal(name: string): boolean {
    const value = this.#module.symbols.get(this.#resolve(name));
    return value?.linkage === "private" || value?.linkage === "internal";
  }

  /** True for symbols that C defines or declares. */
  isDeclared(name: string): boolean {
    return this.#module.symbols.has(name);
  }

  /** What a relocation against a symbol must say. LLVM names local symbols by their section. */
  reference(name: string): Reference {
    const place = this.placeOf(name);
    if (place !== undefined && this.isLocal(name)) {
      return { symbol: this.sectionSymbol(place.section), addend: place.offset };
    }
    return { symbol: this.#symbolOf(name), addend: 0 };
  }

  /** The symbol of a section itself. */
  sectionSymbol(section: number): number {
    let index = this.#sections.get(section);
    if (index === undefined) {
      index = this.symbols.length;
      this.#sections.set(section, index);
      this.symbols.push({
        name: this.#sectionName(section),
        value: 0,
        size: 0,
        binding: "local",
        type: "section",
        visibility: "default",
        section,
      });
    }
    return index;
  }

  #symbolOf(name: string): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    // Inline assembly may name what C does not declare.
    const value = this.#module.symbols.get(name);
    const index = this.symbols.length;
    this.#indices.set(name, index);
    this.symbols.push({
      name,
      value: 0,
      size: 0,
      binding: value?.linkage === "extern_weak" ? "weak" : "global",
      type: "notype",
      visibility: visibilityOf(value?.visibility ?? "default"),
      section: "undefined",
    });
    return index;
  }

  /** Follows local aliases to what they stand for. */
  #resolve(name: string): string {
    let current = name;
    for (let step = 0; step < 100; step++) {
      const value = this.#module.symbols.get(current);
      if (value?.kind !== "alias") return current;
      const target = foldAddress(value.aliasee);
      if (target?.symbol === undefined || this.#places.has(current)) return current;
      current = target.symbol;
    }
    return current;
  }
}

function bindingOf(linkage: Linkage): ObjectSymbol["binding"] {
  switch (linkage) {
    case "private":
    case "internal":
      return "local";
    case "weak":
    case "weak_odr":
    case "linkonce":
    case "linkonce_odr":
    case "extern_weak":
      return "weak";
    default:
      return "global";
  }
}

function visibilityOf(visibility: Visibility): ObjectSymbol["visibility"] {
  return visibility;
}
