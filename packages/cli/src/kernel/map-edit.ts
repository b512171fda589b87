/** `bpfkit map update` and `delete`: they change what running programs see, so they say what was there before. */
import { Errno, MapType, mapTypeName } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { type JsonNode, jsonText, type LoadedTypes, type MapEntry, OpenMap, typedValue } from "bpfkit";
import { hexText } from "./hex.ts";
import { givenKeyOf, newValueOf } from "./map-input.ts";
import type { Findings } from "./open.ts";
import type { Words } from "./words.ts";

/** Values of these are descriptors of this process or written by the kernel alone: a number typed in would be a mistake. */
const notByHand: ReadonlySet<number> = new Set([
  MapType.ProgArray,
  MapType.PerfEventArray,
  MapType.CgroupArray,
  MapType.ArrayOfMaps,
  MapType.HashOfMaps,
  MapType.Sockmap,
  MapType.Sockhash,
  MapType.ReuseportSockarray,
  MapType.StackTrace,
  MapType.StructOps,
  MapType.Ringbuf,
  MapType.UserRingbuf,
]);

const updateFlags = { any: 0, noexist: 1, exist: 2 } as const;

/** `update MAP key DATA value DATA [FLAG]`. @throws UsageError, BpfkitError KO009 */
export function changeEntry(kernel: Kernel, types: LoadedTypes, fd: Fd, words: Words): Findings {
  const map = new OpenMap(kernel, types, fd);
  requireByHand(map);
  const key = givenKeyOf(words, map);
  const value = newValueOf(words, map);
  const flag = words.choice("update flag", ["any", "noexist", "exist"], "any");
  words.end();
  const before = map.lookup(key);
  changing(map, () => map.update(key, value, updateFlags[flag]));
  return changed(map, key, before, map.lookup(key));
}

/** `delete MAP key DATA`. @throws UsageError, BpfkitError KO009, KO010 */
export function deleteEntry(kernel: Kernel, types: LoadedTypes, fd: Fd, words: Words): Findings {
  const map = new OpenMap(kernel, types, fd);
  requireByHand(map);
  const key = givenKeyOf(words, map);
  words.end();
  const before = map.lookup(key);
  if (!changing(map, () => map.delete(key))) {
    throw new BpfkitError(
      "KO010",
      `map ${map.info.name} has no such key: ${hexText(key).replaceAll("\n", " ")}`,
    );
  }
  return changed(map, key, before, undefined);
}

function requireByHand(map: OpenMap): void {
  const { type, name } = map.info;
  if (!notByHand.has(type)) return;
  throw new BpfkitError(
    "KO009",
    `entries of ${name || "this map"} cannot be changed by hand: it is a ${mapTypeName(type)}`,
    {
      hint: "Its values are descriptors of a process, or only the kernel writes them.",
    },
  );
}

function changing<T>(map: OpenMap, change: () => T): T {
  try {
    return change();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError("KO009", `map ${map.info.name} was not changed: ${reason(error.errno)}`, {
      cause: error,
    });
  }
}

/** What map types answer (kernel/bpf/syscall.c, arraymap.c, hashtab.c). */
function reason(errno: number): string {
  switch (errno) {
    case Errno.EPERM:
      return "it is frozen or read-only for user space";
    case Errno.E2BIG:
      return "it is full, or the index is past its end";
    case Errno.EEXIST:
      return "the key is there already (every index of an array is)";
    case Errno.ENOENT:
      return "there is no such key";
    case Errno.EINVAL:
      return "this type of map does not allow it (array entries cannot be deleted)";
    default:
      return `the kernel answered with error ${errno}`;
  }
}

function changed(
  map: OpenMap,
  key: Uint8Array,
  before: MapEntry | undefined,
  after: MapEntry | undefined,
): Findings {
  const { types } = map;
  const spellKey =
    types === undefined || types.keyTypeId === 0 ? bytes(key) : typedValue(types.btf, types.keyTypeId, key);
  const facts = { key: spellKey, before: spell(map, before), after: spell(map, after) };
  return {
    json: facts,
    lines: () => [`key ${jsonText(facts.key)}: ${jsonText(facts.before)} -> ${jsonText(facts.after)}`],
  };
}

function bytes(value: Uint8Array): string {
  return hexText(value).replaceAll("\n", " ");
}

function spell(map: OpenMap, entry: MapEntry | undefined): JsonNode {
  const { types } = map;
  const values = (entry?.values ?? []).map((value) =>
    types === undefined ? bytes(value) : typedValue(types.btf, types.valueTypeId, value),
  );
  return map.perCpu && values.length > 0 ? values : (values[0] ?? null);
}
