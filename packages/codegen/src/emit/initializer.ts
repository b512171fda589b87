/** Initializers of globals as bytes, with the addresses that the loader fills in. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { sizeOf, storeSize, structLayout } from "../ir/data-layout.ts";
import { floatBits } from "../ir/float.ts";
import type { IrGlobal, IrModule } from "../ir/module.ts";
import type { Type } from "../ir/type.ts";
import { printType } from "../ir/type.ts";
import type { Constant, ConstantFloat } from "../ir/value.ts";
import { Refusal } from "../select/refuse.ts";

/** An address inside data. */
export interface DataReference {
  /** Bytes from the start of the data. */
  readonly offset: number;
  readonly symbol: string;
  readonly addend: number;
}

/** The contents of a global. */
export interface InitialData {
  readonly bytes: Uint8Array;
  readonly references: readonly DataReference[];
}

/** Deepest nesting of an initializer that is followed. */
const maxDepth = 1000;

/**
 * The bytes of a global's initializer; zeros for a declaration.
 * @throws BpfkitError CG112 for initializers that are no constants BPF can load
 */
export function initialBytes(module: IrModule, global: IrGlobal): InitialData {
  const bytes = new Uint8Array(sizeOf(global.valueType));
  const references: DataReference[] = [];
  if (global.initializer !== undefined) {
    const writer = new Initializer(module, global.name, bytes, references);
    writer.write(global.initializer, global.valueType, 0, 0);
  }
  return { bytes, references };
}

class Initializer {
  readonly #module: IrModule;
  readonly #name: string;
  readonly #bytes: Uint8Array;
  readonly #references: DataReference[];

  constructor(module: IrModule, name: string, bytes: Uint8Array, references: DataReference[]) {
    this.#module = module;
    this.#name = name;
    this.#bytes = bytes;
    this.#references = references;
  }

  /** Writes a constant; aggregates nest at most as deep as the parser lets them. */
  write(value: Constant, type: Type, offset: number, depth: number): void {
    if (depth > maxDepth) throw this.#refuse("nests too deep");
    switch (value.kind) {
      case "int":
        this.#writeInteger(value.value, storeSize(type), offset);
        return;
      case "null":
      case "undef":
      case "poison":
      case "zero":
        return;
      case "bytes":
        this.#bytes.set(value.bytes, offset);
        return;
      case "aggregate":
        this.#writeElements(value.elements, value.type, offset, depth);
        return;
      case "global":
      case "function":
      case "alias":
      case "expression":
        this.#writeAddress(value, type, offset);
        return;
      case "float":
        this.#writeFloat(value, offset);
        return;
      default:
        throw this.#refuse(`holds a constant of kind "${value.kind}"`);
    }
  }

  #writeElements(elements: readonly Constant[], type: Type, offset: number, depth: number): void {
    if (type.kind === "struct") {
      const layout = structLayout(type);
      elements.forEach((element, index) => {
        this.write(element, type.fields[index]!, offset + layout.offsets[index]!, depth + 1);
      });
    } else if (type.kind === "array") {
      const step = sizeOf(type.element);
      elements.forEach((element, index) => {
        this.write(element, type.element, offset + index * step, depth + 1);
      });
    } else throw this.#refuse(`has the type ${printType(type)}`);
  }

  #writeInteger(value: bigint, size: number, offset: number): void {
    let rest = value;
    for (let index = 0; index < size; index++) {
      this.#bytes[offset + index] = Number(rest & 0xffn);
      rest >>= 8n;
    }
  }

  /** BPF computes with no floating point numbers, but data may hold them. */
  #writeFloat({ type, text }: ConstantFloat, offset: number): void {
    const bits = floatBits(type, text);
    if (bits === undefined) throw this.#refuse(`holds a number of type ${printType(type)}`);
    this.#writeInteger(bits, storeSize(type), offset);
  }

  #writeAddress(value: Constant, type: Type, offset: number): void {
    const place = foldAddress(value);
    if (place === undefined) throw this.#refuse("is no constant that BPF can load");
    if (place.symbol === undefined) {
      this.#writeInteger(BigInt.asUintN(64, place.addend), storeSize(type), offset);
      return;
    }
    if (storeSize(type) !== 8) throw this.#refuse("keeps an address in less than 8 bytes");
    if (!this.#module.symbols.has(place.symbol))
      throw this.#refuse(`names the unknown symbol ${place.symbol}`);
    this.#writeInteger(BigInt.asUintN(64, place.addend), 8, offset);
    this.#references.push({ offset, symbol: place.symbol, addend: Number(place.addend) });
  }

  #refuse(why: string): BpfkitError {
    return new BpfkitError(Refusal.Initializer, `the initializer of "${this.#name}" ${why}`);
  }
}

/** A constant address: a symbol (undefined for a plain number) and the bytes after it. */
export interface FoldedAddress {
  readonly symbol: string | undefined;
  readonly addend: bigint;
}

/** Folds a constant expression to a symbol and an offset; undefined where that is not possible. */
export function foldAddress(start: Constant): FoldedAddress | undefined {
  let value = start;
  let addend = 0n;
  for (let depth = 0; depth < maxDepth; depth++) {
    switch (value.kind) {
      case "global":
      case "function":
      case "alias":
        return { symbol: value.name, addend };
      case "int":
        return { symbol: undefined, addend: addend + value.value };
      case "null":
      case "zero":
        return { symbol: undefined, addend };
      case "expression": {
        const [first, second] = value.operands;
        if (first === undefined) return undefined;
        if (value.opcode === "gep") {
          const step = gepBytes(value.sourceType, value.operands);
          if (step === undefined) return undefined;
          addend += step;
        } else if (value.opcode === "add" && second?.kind === "int")
          addend += BigInt.asIntN(64, second.value);
        else if (!["inttoptr", "ptrtoint", "bitcast", "addrspacecast"].includes(value.opcode))
          return undefined;
        value = first;
        break;
      }
      default:
        return undefined;
    }
  }
  return undefined;
}

function gepBytes(sourceType: Type | undefined, operands: readonly Constant[]): bigint | undefined {
  let type = sourceType;
  let bytes = 0n;
  for (let position = 1; position < operands.length; position++) {
    const index = operands[position]!;
    if (type === undefined || index.kind !== "int") return undefined;
    const number = BigInt.asIntN(index.type.bits, index.value);
    if (position === 1) bytes += number * BigInt(sizeOf(type));
    else if (type.kind === "struct") {
      bytes += BigInt(structLayout(type).offsets[Number(number)] ?? 0);
      type = type.fields[Number(number)];
    } else if (type.kind === "array") {
      type = type.element;
      bytes += number * BigInt(sizeOf(type));
    } else return undefined;
  }
  return bytes;
}
