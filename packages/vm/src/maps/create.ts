/** Map types by number: which class makes which map. */

import { Errno, MapType, mapTypeName, NewerMapType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import { notSimulated } from "../not-simulated.ts";
import { ArrayMap, PerCpuArrayMap } from "./array.ts";
import { PerfEventArrayMap, ProgramArrayMap } from "./descriptor-array.ts";
import { HashMap } from "./hash.ts";
import { LpmTrieMap } from "./lpm-trie.ts";
import { LruHashMap } from "./lru-hash.ts";
import type { BpfMap, MapDefinition, MapHost } from "./map.ts";
import { QueueStackMap } from "./queue-stack.ts";
import { RingBufferMap } from "./ring-buffer.ts";
import { StackTraceMap } from "./stack-trace.ts";

type Factory = (definition: MapDefinition, id: number, host: MapHost) => BpfMap;

const factories: ReadonlyMap<number, Factory> = new Map<number, Factory>([
  [MapType.Hash, (d, id, host) => new HashMap(d, id, host, { perCpu: false, lru: false })],
  [MapType.Array, (d, id, host) => new ArrayMap(d, id, host)],
  [MapType.ProgArray, (d, id, host) => new ProgramArrayMap(d, id, host)],
  [MapType.PerfEventArray, (d, id, host) => new PerfEventArrayMap(d, id, host)],
  [MapType.PercpuHash, (d, id, host) => new HashMap(d, id, host, { perCpu: true, lru: false })],
  [MapType.PercpuArray, (d, id, host) => new PerCpuArrayMap(d, id, host)],
  [MapType.StackTrace, (d, id, host) => new StackTraceMap(d, id, host)],
  [MapType.LruHash, (d, id, host) => new LruHashMap(d, id, host, { perCpu: false })],
  [MapType.LruPercpuHash, (d, id, host) => new LruHashMap(d, id, host, { perCpu: true })],
  [MapType.LpmTrie, (d, id, host) => new LpmTrieMap(d, id, host)],
  [MapType.Queue, (d, id, host) => new QueueStackMap(d, id, host, { lastInFirstOut: false })],
  [MapType.Stack, (d, id, host) => new QueueStackMap(d, id, host, { lastInFirstOut: true })],
  [MapType.Ringbuf, (d, id, host) => new RingBufferMap(d, id, host)],
]);

/** Types of Linux 6.1: numbers from 1 to this one. */
const LAST_TYPE = 31;

/**
 * Makes a map.
 * @throws SyscallError EINVAL, E2BIG, ENOMEM ... as BPF_MAP_CREATE does
 * @throws NotSupportedError for a map type that the VM does not have
 */
export function createMap(definition: MapDefinition, id: number, host: MapHost): BpfMap {
  const { type, keySize, valueSize, maxEntries, flags, name } = definition;
  for (const size of [type, keySize, valueSize, maxEntries, flags]) {
    if (!Number.isInteger(size) || size < 0 || size > 0xffff_ffff) {
      throw new SyscallError("BPF_MAP_CREATE", Errno.EINVAL, { detail: `${name}: ${size} is not a u32` });
    }
  }
  const factory = factories.get(type);
  if (type === NewerMapType.Arena) throw notSimulated(`arenas (map ${name})`);
  if (factory === undefined) {
    if (type === 0 || type > LAST_TYPE) {
      throw new SyscallError("BPF_MAP_CREATE", Errno.EINVAL, {
        detail: `${name}: there is no map type ${type}`,
      });
    }
    throw notSimulated(`maps of type ${mapTypeName(type)} (map ${name})`);
  }
  try {
    return factory(definition, id, host);
  } catch (error) {
    if (error instanceof BpfkitError && error.code === "VM001") {
      throw new SyscallError("BPF_MAP_CREATE", Errno.ENOMEM, { detail: name, cause: error });
    }
    throw error;
  }
}
