/** What the parts of the parser share: the lexer, the names met so far and the nesting depth. */
import type { BpfkitError } from "@bpfkit/base/diagnostics";
import type { IrFunction } from "./function.ts";
import { Lexer } from "./lexer.ts";
import { MetadataNodes } from "./metadata-nodes.ts";
import type { IrAlias, IrGlobal } from "./module.ts";
import type { StructType } from "./type.ts";
import { pointerType } from "./type.ts";
import type { AttributeValue } from "./value.ts";

/** Nesting of types, constants and metadata beyond which the text is refused. */
export const maxDepth = 200;

/** A global, function or alias; before its definition is met, only its name is right. */
export type IrSymbol = IrGlobal | IrFunction | IrAlias;

/** State of parsing one module. */
export class ParserState {
  readonly lexer: Lexer;
  readonly types = new Map<string, StructType>();
  readonly symbols = new Map<string, IrSymbol>();
  /** Symbols that were used but not defined so far. */
  readonly undefinedSymbols = new Set<IrSymbol>();
  /** Attribute groups by number; created at the first use, filled at the definition. */
  readonly groups = new Map<number, Map<string, AttributeValue>>();
  /** Attribute maps that a group is to be merged into when the whole text is read. */
  readonly pendingGroups: { readonly target: Map<string, AttributeValue>; readonly group: number }[] = [];
  readonly metadata: MetadataNodes;
  private depth = 0;

  constructor(text: string, fileName: string) {
    this.lexer = new Lexer(text, fileName);
    this.metadata = new MetadataNodes(this);
  }

  /** Enters one level of nesting. @throws BpfkitError CG003 beyond the limit. */
  enter(): void {
    if (++this.depth > maxDepth) throw this.tooDeep();
  }

  /** Leaves one level of nesting. */
  leave(): void {
    this.depth--;
  }

  /** The named struct, known or yet to be defined. */
  structNamed(name: string): StructType {
    let type = this.types.get(name);
    if (type === undefined) {
      type = { kind: "struct", name, packed: false, opaque: true, fields: [] };
      this.types.set(name, type);
    }
    return type;
  }

  /** The symbol of this name, known or yet to be defined. */
  symbolNamed(name: string): IrSymbol {
    let symbol = this.symbols.get(name);
    if (symbol === undefined) {
      symbol = { kind: "global", type: pointerType(), name } as IrGlobal;
      this.symbols.set(name, symbol);
      this.undefinedSymbols.add(symbol);
    }
    return symbol;
  }

  /** Gives a symbol its definition; uses met before see it too, since it is the same object. */
  defineSymbol<S extends IrSymbol>(definition: S): S {
    const known = this.symbols.get(definition.name);
    if (known === undefined) {
      this.symbols.set(definition.name, definition);
      return definition;
    }
    if (!this.undefinedSymbols.delete(known)) {
      throw this.lexer.error(`'@${definition.name}' is defined twice`);
    }
    return Object.assign(known, definition) as S;
  }

  /** The attribute group of this number, known or yet to be defined. */
  group(id: number): Map<string, AttributeValue> {
    let group = this.groups.get(id);
    if (group === undefined) {
      group = new Map();
      this.groups.set(id, group);
    }
    return group;
  }

  private tooDeep(): BpfkitError {
    this.depth = 0;
    return this.lexer.error(`more than ${maxDepth} levels of nesting`);
  }
}
