/** Arenas (Linux 6.9): mapped before programs load, because addresses in them are those of user space. */
import { MapCreateFlag, NewerMapType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { MapSpec } from "../spec/map-spec.ts";
import type { BpfMap } from "./bpf-map.ts";

/** Is the map an arena? */
export function isArena(spec: MapSpec): boolean {
  return spec.type === NewerMapType.Arena;
}

/** Does the kernel know arenas at all? Asked after it has refused one. */
export function hasArenas(kernel: Kernel): boolean {
  const shape = { keySize: 0, valueSize: 0, maxEntries: 1, flags: MapCreateFlag.Mmapable, name: "" };
  try {
    kernel.close(kernel.mapCreate({ type: NewerMapType.Arena, ...shape }));
    return true;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

/**
 * Maps the arena at the address of its `map_extra`, or where the kernel likes, and writes the initial values of `__arena`
 * variables to its start. It stays mapped until the map is closed.
 * @throws BpfkitError LD016 where the variables do not fit or the address is taken
 */
export function openArena(kernel: Kernel, map: BpfMap): void {
  const { spec } = map;
  const data = spec.arenaData ?? new Uint8Array(0);
  const room = map.maxEntries * kernel.pageSizeBytes;
  if (data.length > room) {
    throw new BpfkitError(
      "LD016",
      `arena ${map.name} has ${room} bytes, but its __arena variables have ${data.length}`,
      { hint: "Raise its max_entries, which counts pages." },
    );
  }
  try {
    const memory = kernel.mapArena(map.fd, room, spec.mapExtra ?? 0n, data.length);
    map.holdArena(memory);
    memory.bytes().set(data);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const address = (spec.mapExtra ?? 0n).toString(16);
    throw new BpfkitError(
      "LD016",
      `arena ${map.name} could not be mapped at 0x${address}: ${error.message}`,
      {
        hint: "Choose another address in map_extra: a multiple of the page size that nothing in this process uses, and the arena must not cross a multiple of 4 GiB.",
        cause: error,
      },
    );
  }
}
