/** A global variable of the object: a named part of a data section's map. */
import type { MapSpec } from "./map-spec.ts";

/** One variable; its value may be changed before loading. */
export interface VariableSpec {
  readonly name: string;
  /** The data section's map it lives in. */
  readonly map: MapSpec;
  /** In bytes within the map's only element. */
  readonly offset: number;
  readonly size: number;
  /** BTF type of the value in the object's BTF. */
  readonly typeId: number;
  /** In .rodata: programs cannot write it. */
  readonly constant: boolean;
}
