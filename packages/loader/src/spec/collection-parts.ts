/** What reading an object gives, section by section. */
import type { BtfTable } from "@bpfkit/elf/btf";
import type { MapSpec } from "./map-spec.ts";
import type { ProgramSpec } from "./program-spec.ts";
import type { VariableSpec } from "./variable-spec.ts";

/** A name that programs use and the object does not define. */
export interface ExternSpec {
  readonly name: string;
  readonly section: ".kconfig" | ".ksyms" | "";
  readonly weak: boolean;
  /** BTF type of the variable or function; 0 where there is none. */
  readonly typeId: number;
  /** Size in bytes of a .kconfig variable. */
  readonly size: number;
}

/** The parts of a {@link CollectionSpec}. */
export interface CollectionParts {
  readonly name: string;
  readonly maps: Map<string, MapSpec>;
  readonly programs: Map<string, ProgramSpec>;
  readonly variables: Map<string, VariableSpec>;
  readonly externs: ReadonlyMap<string, ExternSpec>;
  /** Text of section `license`; empty: none was given. */
  readonly license: string;
  readonly btf: BtfTable | undefined;
  /** The object's BTF as a recent kernel accepts it; undefined where it has none. */
  readonly kernelBtf: Uint8Array | undefined;
}
