/** The maps and programs of one object in one kernel. */
/// <reference lib="esnext.disposable" preserve="true" />
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { CollectionSpec } from "../spec/collection-spec.ts";
import type { BpfMap } from "./bpf-map.ts";
import { CollectionLoader, type CollectionLoadOptions, type LoadedParts } from "./collection-loader.ts";
import type { Program } from "./program.ts";
import { Variable } from "./variable.ts";

export type { CollectionLoadOptions } from "./collection-loader.ts";

/** The maps and programs of one object in one kernel. Closing it closes them all; links are the caller's. */
export class Collection {
  readonly spec: CollectionSpec;
  readonly kernel: Kernel;
  readonly maps: ReadonlyMap<string, BpfMap>;
  readonly programs: ReadonlyMap<string, Program>;
  readonly #borrowed: ReadonlySet<BpfMap>;
  readonly #variables = new Map<string, Variable>();

  constructor(spec: CollectionSpec, kernel: Kernel, loaded: LoadedParts) {
    this.spec = spec;
    this.kernel = kernel;
    this.maps = loaded.maps;
    this.programs = loaded.programs;
    this.#borrowed = loaded.borrowed;
  }

  /**
   * Creates every map and loads every program that is marked for it. On failure nothing stays behind.
   * @throws BpfkitError LD0xx, ProgramLoadError where the verifier refuses a program.
   */
  static load(spec: CollectionSpec, kernel: Kernel, options: CollectionLoadOptions = {}): Collection {
    return new Collection(spec, kernel, new CollectionLoader(spec, kernel, options).load());
  }

  /** A global variable of the loaded object, to be read and written while its programs run. @throws BpfkitError LD052 */
  variable(name: string): Variable {
    const known = this.#variables.get(name);
    if (known !== undefined) return known;
    const spec = this.spec.variables.get(name);
    const map = spec === undefined ? undefined : this.maps.get(spec.map.name);
    if (spec === undefined || map === undefined) {
      const names = [...this.spec.variables.keys()].join(", ");
      throw new BpfkitError("LD052", `the program has no global variable ${name}`, {
        hint: `It has ${names || "none at all"}.`,
      });
    }
    const variable = new Variable(this.kernel, map, spec);
    this.#variables.set(name, variable);
    return variable;
  }

  /** Closes programs and maps; a second call does nothing. */
  close(): void {
    for (const variable of this.#variables.values()) variable.close();
    this.#variables.clear();
    for (const program of this.programs.values()) program.close();
    for (const map of this.maps.values()) if (!this.#borrowed.has(map)) map.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
