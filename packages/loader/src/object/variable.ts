/** A global variable of a loaded object, read and written while programs run. */
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel, SharedMemory } from "@bpfkit/base/kernel";
import { bytesCodec, codecFor } from "../codec/type-codec.ts";
import type { BtfValue, TypeCodec } from "../codec/value.ts";
import type { VariableSpec } from "../spec/variable-spec.ts";
import type { BpfMap } from "./bpf-map.ts";

const onlyElement = new Uint8Array(4);

/**
 * In memory that is shared with the kernel where it can be (Linux 5.5), so that writing one variable leaves the others
 * alone; else by reading and writing the whole data section.
 */
export class Variable {
  readonly name: string;
  readonly spec: VariableSpec;
  readonly codec: TypeCodec;
  readonly #map: BpfMap;
  readonly #memory: SharedMemory | undefined;

  constructor(kernel: Kernel, map: BpfMap, spec: VariableSpec) {
    this.name = spec.name;
    this.spec = spec;
    this.#map = map;
    this.codec =
      map.btf === undefined || spec.typeId === 0 ? bytesCodec(spec.size) : codecFor(map.btf, spec.typeId);
    this.#memory = share(kernel, map);
  }

  /** Its value at this moment. */
  read(): BtfValue {
    return this.codec.decode(this.#bytes());
  }

  /** @throws BpfkitError LD035 for constants */
  write(value: BtfValue): void {
    if (this.spec.constant) {
      throw new BpfkitError("LD035", `variable ${this.name} is constant once it is loaded`, {
        hint: "Set it in the spec before loading.",
      });
    }
    const bytes = this.codec.encode(value);
    const { offset } = this.spec;
    if (this.#memory !== undefined) {
      this.#memory.bytes().set(bytes, offset);
      return;
    }
    const whole = this.#whole();
    whole.set(bytes, offset);
    this.#map.updateBytes(onlyElement, whole);
  }

  /** Ends the sharing of memory. */
  close(): void {
    // An arena is the map's, which other variables share.
    if (this.#memory !== this.#map.arena) this.#memory?.unmap();
  }

  #bytes(): Uint8Array {
    const { offset, size } = this.spec;
    return (this.#memory?.bytes() ?? this.#whole()).slice(offset, offset + size);
  }

  #whole(): Uint8Array {
    return this.#map.lookupBytes(onlyElement) ?? new Uint8Array(this.#map.spec.valueSize);
  }
}

function share(kernel: Kernel, map: BpfMap): SharedMemory | undefined {
  if (map.arena !== undefined) return map.arena;
  if (!map.mapped) return undefined;
  try {
    return kernel.mapArray(map.fd, map.spec.valueSize, !map.spec.frozen);
  } catch (error) {
    if (error instanceof SyscallError || error instanceof NotSupportedError) return undefined;
    throw error;
  }
}
