/** What an object file says: maps, programs, variables, licence and types. Mutable until it is loaded. */
import type { BtfTable } from "@bpfkit/elf/btf";
import type { CollectionParts, ExternSpec } from "./collection-parts.ts";
import { collectionFromObject, type ObjectOptions } from "./from-object.ts";
import type { MapSpec } from "./map-spec.ts";
import type { ProgramSpec } from "./program-spec.ts";
import type { VariableSpec } from "./variable-spec.ts";

/** An object's contents before loading. */
export class CollectionSpec implements CollectionParts {
  readonly name: string;
  readonly maps: Map<string, MapSpec>;
  readonly programs: Map<string, ProgramSpec>;
  readonly variables: Map<string, VariableSpec>;
  readonly externs: ReadonlyMap<string, ExternSpec>;
  license: string;
  readonly btf: BtfTable | undefined;
  readonly kernelBtf: Uint8Array | undefined;

  constructor(parts: CollectionParts) {
    this.name = parts.name;
    this.maps = parts.maps;
    this.programs = parts.programs;
    this.variables = parts.variables;
    this.externs = parts.externs;
    this.license = parts.license;
    this.btf = parts.btf;
    this.kernelBtf = parts.kernelBtf;
  }

  /**
   * Reads a relocatable BPF object.
   * @param name names the object in messages and in the names of its data maps.
   * @throws BpfkitError EL0xx for a broken file, LD0xx for a sound file that says something impossible.
   */
  static fromObject(bytes: Uint8Array, name: string, options: ObjectOptions = {}): CollectionSpec {
    // Node's Buffer is a Uint8Array whose slice() shares its memory; what is read from files is one.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new CollectionSpec(collectionFromObject(plain, name, options));
  }
}
