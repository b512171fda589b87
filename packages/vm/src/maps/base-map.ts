/** What all map types share: the definition, bpf(2) argument checks, and refusals for what a type does not do. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { CreateFlag } from "./flags.ts";
import type { BpfMap, MapDefinition, MapHost } from "./map.ts";

/** Rounds up to a multiple of 8. */
export function roundUp8(size: number): number {
  return (size + 7) & ~7;
}

/** Fails BPF_MAP_CREATE. */
export function refuseCreation(errno: number, definition: MapDefinition, detail: string): never {
  throw new SyscallError("BPF_MAP_CREATE", errno, { detail: `${definition.name}: ${detail}` });
}

/** Base of all map classes. Subclasses work on offsets; bpf(2) goes through a scratch key and value. */
export abstract class BaseMap implements BpfMap {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly name: string;
  readonly id: number;
  readonly perCpu: boolean = false;
  protected readonly host: MapHost;
  /** Where bpf(2) keys and values are put for the offset methods; kernel memory, never granted. */
  protected readonly scratchKey: number;
  protected readonly scratchValue: number;
  #frozen = false;

  constructor(definition: MapDefinition, id: number, host: MapHost) {
    this.type = definition.type;
    this.keySize = definition.keySize;
    this.valueSize = definition.valueSize;
    this.maxEntries = definition.maxEntries;
    this.flags = definition.flags;
    this.name = definition.name;
    this.id = id;
    this.host = host;
    this.scratchKey = host.memory.allocateOffset(roundUp8(definition.keySize) + 8, 8, "kernel");
    this.scratchValue = host.memory.allocateOffset(roundUp8(definition.valueSize) + 8, 8, "kernel");
  }

  lookup(_key: number): number {
    return 0;
  }
  lookupPerCpu(_key: number, _cpu: number): number {
    return 0;
  }
  update(_key: number, _value: number, _flags: number): number {
    return -Errno.EINVAL;
  }
  remove(_key: number): number {
    return -Errno.EINVAL;
  }
  push(_value: number, _flags: number): number {
    return -Errno.EOPNOTSUPP;
  }
  pop(_value: number): number {
    return -Errno.EOPNOTSUPP;
  }
  peek(_value: number): number {
    return -Errno.EOPNOTSUPP;
  }
  walk(_visit: (key: number, value: number) => number): number {
    return -Errno.EINVAL;
  }
  directValue(): number {
    return 0;
  }

  read(key: Uint8Array): Uint8Array | undefined {
    this.checkRead("BPF_MAP_LOOKUP_ELEM");
    return this.copyOut(this.putKey("BPF_MAP_LOOKUP_ELEM", key));
  }

  write(key: Uint8Array, value: Uint8Array, flags: number): void {
    const command = "BPF_MAP_UPDATE_ELEM";
    this.checkWrite(command);
    const at = this.putKey(command, key);
    this.checkLength(command, "value", value, this.valueSize);
    this.host.memory.u8.set(value, this.scratchValue);
    this.check(command, this.update(at, this.scratchValue, flags));
  }

  erase(key: Uint8Array): boolean {
    const command = "BPF_MAP_DELETE_ELEM";
    this.checkWrite(command);
    const result = this.remove(this.putKey(command, key));
    if (result === -Errno.ENOENT) return false;
    this.check(command, result);
    return true;
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const command = "BPF_MAP_GET_NEXT_KEY";
    this.checkRead(command);
    const next = this.keyAfter(key === undefined ? 0 : this.putKey(command, key));
    return next === 0 ? undefined : this.host.memory.u8.slice(next, next + this.keySize);
  }

  readAndErase(_key: Uint8Array): Uint8Array | undefined {
    return this.fail("BPF_MAP_LOOKUP_AND_DELETE_ELEM", Errno.ENOTSUPP);
  }

  freeze(): void {
    this.#frozen = true;
  }

  destroy(): void {
    this.host.memory.releaseOffset(this.scratchKey);
    this.host.memory.releaseOffset(this.scratchValue);
  }

  /** Copies the value of the key at an offset for bpf(2). */
  protected copyOut(key: number): Uint8Array | undefined {
    const value = this.lookup(key);
    return value === 0 ? undefined : this.host.memory.u8.slice(value, value + this.valueSize);
  }

  /** Offset of the key after the one at `key` (0: the first); 0 at the end. */
  protected keyAfter(_key: number): number {
    return this.fail("BPF_MAP_GET_NEXT_KEY", Errno.ENOTSUPP);
  }

  /** Puts a bpf(2) key into guest memory. */
  protected putKey(command: string, key: Uint8Array): number {
    this.checkLength(command, "key", key, this.keySize);
    this.host.memory.u8.set(key, this.scratchKey);
    return this.scratchKey;
  }

  protected checkLength(command: string, what: string, bytes: Uint8Array, size: number): void {
    if (bytes.length === size) return;
    this.fail(command, Errno.EINVAL, `the ${what} has ${bytes.length} bytes, the map wants ${size}`);
  }

  protected checkRead(command: string): void {
    if ((this.flags & CreateFlag.WriteOnly) !== 0) this.fail(command, Errno.EPERM, "write-only map");
  }

  protected checkWrite(command: string): void {
    if (this.#frozen) this.fail(command, Errno.EPERM, "the map is frozen");
    if ((this.flags & CreateFlag.ReadOnly) !== 0) this.fail(command, Errno.EPERM, "read-only map");
  }

  /** Turns 0 or -errno into nothing or an exception. */
  protected check(command: string, result: number): void {
    if (result < 0) this.fail(command, -result);
  }

  protected fail(command: string, errno: number, detail?: string): never {
    const where = `map ${this.name}`;
    throw new SyscallError(command, errno, { detail: detail === undefined ? where : `${where}: ${detail}` });
  }

  /** What programs may do with values, by the creation flags. */
  protected get programAccess(): "read" | "write" {
    return (this.flags & CreateFlag.ReadOnlyProgram) !== 0 ? "read" : "write";
  }
}
