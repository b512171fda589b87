/** BPF_MAP_* commands of the simulated kernel. */

import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, MapCreateAttributes, MapInfo } from "@bpfkit/base/kernel";
import { notSimulated } from "../not-simulated.ts";
import type { KernelState } from "./kernel-state.ts";
import { checkObjectName } from "./object-name.ts";
import { MapFile } from "./open-files.ts";

/** BPF_F_LOCK: the only flag that lookups know; it needs a spin lock in the value. */
const LockFlag = 4;

/** Map commands. */
export class MapCalls {
  readonly #state: KernelState;

  constructor(state: KernelState) {
    this.#state = state;
  }

  create(attributes: MapCreateAttributes): Fd {
    const { type, keySize, valueSize, maxEntries, flags, name } = attributes;
    checkObjectName(name, "BPF_MAP_CREATE");
    if (attributes.btf !== undefined) this.#state.btf(attributes.btf, "BPF_MAP_CREATE");
    if (attributes.innerMap !== undefined) throw notSimulated("maps of maps");
    const { machine, descriptors } = this.#state;
    const map = machine.createMap({ type, keySize, valueSize, maxEntries, flags, name });
    return descriptors.open(
      new MapFile(map, () => {
        machine.destroyMap(map);
      }),
      "BPF_MAP_CREATE",
    );
  }

  info(fd: Fd): MapInfo {
    const { map } = this.#state.map(fd, "BPF_OBJ_GET_INFO_BY_FD");
    const { id, type, keySize, valueSize, maxEntries, flags, name } = map;
    const untyped = { btfId: 0, btfKeyTypeId: 0, btfValueTypeId: 0, mapExtra: 0n, ifindex: 0 };
    return { id, type, keySize, valueSize, maxEntries, flags, name, ...untyped };
  }

  lookup(fd: Fd, key: Uint8Array, flags: number): Uint8Array | undefined {
    const command = "BPF_MAP_LOOKUP_ELEM";
    const { map } = this.#state.map(fd, command);
    if ((flags & ~LockFlag) !== 0) throw new SyscallError(command, Errno.EINVAL);
    if (flags !== 0) throw notSimulated("BPF_F_LOCK");
    return map.read(key);
  }

  update(fd: Fd, key: Uint8Array, value: Uint8Array, flags: number): void {
    this.#state.map(fd, "BPF_MAP_UPDATE_ELEM").map.write(key, value, flags);
  }

  delete(fd: Fd, key: Uint8Array): boolean {
    return this.#state.map(fd, "BPF_MAP_DELETE_ELEM").map.erase(key);
  }

  nextKey(fd: Fd, key: Uint8Array | undefined): Uint8Array | undefined {
    return this.#state.map(fd, "BPF_MAP_GET_NEXT_KEY").map.nextKey(key);
  }

  lookupAndDelete(fd: Fd, key: Uint8Array): Uint8Array | undefined {
    return this.#state.map(fd, "BPF_MAP_LOOKUP_AND_DELETE_ELEM").map.readAndErase(key);
  }

  freeze(fd: Fd): void {
    this.#state.map(fd, "BPF_MAP_FREEZE").map.freeze();
  }
}
