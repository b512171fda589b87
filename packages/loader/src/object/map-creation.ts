/** BPF_MAP_CREATE from a spec: what is filled in, in which order, and what a map starts with. */
import { Errno, MapCreateFlag, MapType, NewerMapType } from "@bpfkit/base/abi";
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, MapCreateAttributes } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import { hasFeature } from "../features/feature.ts";
import type { FeatureName } from "../features/table.ts";
import { kernelObjectName, type MapSpec } from "../spec/map-spec.ts";
import { hasArenas, isArena, openArena } from "./arena.ts";
import { BpfMap } from "./bpf-map.ts";
import { openPinnedMap, pinMap, pinPathOf } from "./pinned-map.ts";
import type { StructOpsValue } from "./struct-ops.ts";

const pageSize = 4096;

/** Map types whose keys and values may not be described by BTF (libbpf's bpf_object__create_map). */
const untypedMaps: ReadonlySet<number> = new Set([
  MapType.PerfEventArray,
  MapType.CgroupArray,
  MapType.StackTrace,
  MapType.ArrayOfMaps,
  MapType.HashOfMaps,
  MapType.Devmap,
  MapType.DevmapHash,
  MapType.Cpumap,
  MapType.Xskmap,
  MapType.Sockmap,
  MapType.Sockhash,
  MapType.Queue,
  MapType.Stack,
  MapType.Ringbuf,
  MapType.ProgArray,
  NewerMapType.Arena,
]);

/** Map types whose keys and values are descriptors or indexes, for definitions that leave the sizes out. */
const fourByteMaps: ReadonlySet<number> = new Set([
  MapType.PerfEventArray,
  MapType.ProgArray,
  MapType.CgroupArray,
  MapType.ArrayOfMaps,
  MapType.HashOfMaps,
]);

/** The kernel to create in and the object's types. */
export interface MapCreation {
  readonly kernel: Kernel;
  readonly btf: BtfTable | undefined;
  /** Descriptor of the object's BTF in the kernel. */
  readonly btfFd: Fd | undefined;
  /** Folder for maps that are pinned by name. */
  readonly pinRoot: string;
  /** Gets the path of every pin that is made. */
  readonly pinned: string[];
  readonly supports: (feature: FeatureName) => boolean;
  /** Values of structs of functions, by map. */
  readonly structOps?: ReadonlyMap<string, StructOpsValue>;
}

/** The number of entries as the kernel wants it. */
export function effectiveMaxEntries(spec: MapSpec, kernel: Kernel): number {
  if (spec.type === MapType.PerfEventArray && spec.maxEntries === 0) {
    return (kernel.possibleCpus.at(-1) ?? 0) + 1;
  }
  if (spec.type === MapType.Ringbuf) {
    let size = pageSize;
    while (size < spec.maxEntries && size < 2 ** 31) size *= 2;
    return size;
  }
  return spec.maxEntries;
}

/** Creates, or takes from where it is pinned, and fills a map. @throws BpfkitError LD051, LD080 naming the map. */
export function createMap(spec: MapSpec, creation: MapCreation): BpfMap {
  const { kernel } = creation;
  const attributes = attributesOf(spec, creation);
  const path = pinPathOf(spec, creation.pinRoot);
  const sized = { ...spec, keySize: attributes.keySize, valueSize: attributes.valueSize };
  const { maxEntries } = attributes;
  if (path !== undefined) {
    const pinned = openPinnedMap(kernel, spec.name, path, attributes);
    if (pinned !== undefined)
      return new BpfMap(kernel, pinned, sized, { maxEntries, btf: creation.btf, reused: true });
  }
  const map = createNew(attributes, sized, creation);
  if (path === undefined) return map;
  try {
    pinMap(kernel, spec.name, path, map.fd);
    creation.pinned.push(path);
    return map;
  } catch (error) {
    map.close();
    throw error;
  }
}

/** Data sections are arrays of one element that user space may share; kernels before 5.2 have none. */
function dataFlags(spec: MapSpec, creation: MapCreation): number {
  if (spec.contents === undefined) return 0;
  if (!creation.supports("global-data")) {
    throw new NotSupportedError(`global variables (section ${spec.name}) by ${creation.kernel.name}`, {
      since: "5.2",
    });
  }
  return hasFeature(creation.kernel, "array-mmap") ? MapCreateFlag.Mmapable : 0;
}

function attributesOf(spec: MapSpec, creation: MapCreation): MapCreateAttributes {
  const { kernel } = creation;
  const fourByte = fourByteMaps.has(spec.type);
  const table = creation.structOps?.get(spec.name);
  return {
    type: spec.type,
    keySize: spec.keySize === 0 && fourByte ? 4 : spec.keySize,
    valueSize: spec.valueSize === 0 && fourByte ? 4 : spec.valueSize,
    maxEntries: effectiveMaxEntries(spec, kernel),
    flags: spec.flags | dataFlags(spec, creation),
    name: creation.supports("program-name") ? spec.kernelName : "",
    ...(spec.numaNode === undefined ? {} : { numaNode: spec.numaNode }),
    ...(spec.mapExtra === undefined ? {} : { mapExtra: spec.mapExtra }),
    ...(table === undefined ? {} : { valueSize: table.bytes.length, btfVmlinuxValueTypeId: table.typeId }),
    // The kernel wants the object's own types, too (map_create in kernel/bpf/syscall.c).
    ...(table === undefined || creation.btfFd === undefined ? {} : { btf: creation.btfFd }),
  };
}

function createNew(attributes: MapCreateAttributes, spec: MapSpec, creation: MapCreation): BpfMap {
  const { kernel } = creation;
  const inner = spec.inner === undefined ? undefined : createInner(spec, spec.inner, creation);
  const { maxEntries } = attributes;
  let map: BpfMap | undefined;
  try {
    const whole = inner === undefined ? attributes : { ...attributes, innerMap: inner.fd };
    const fd = createWithTypes(whole, spec, creation);
    const mapped = spec.contents !== undefined && (attributes.flags & MapCreateFlag.Mmapable) !== 0;
    const kernelValue = creation.structOps?.get(spec.name)?.bytes;
    map = new BpfMap(kernel, fd, spec, {
      maxEntries,
      btf: creation.btf,
      reused: false,
      mapped,
      ...(kernelValue === undefined ? {} : { kernelValue }),
    });
    fillDataMap(map, spec, kernel);
    if (isArena(spec)) openArena(kernel, map);
    return map;
  } catch (error) {
    map?.close();
    if (!(error instanceof SyscallError)) throw error;
    if (isArena(spec) && map === undefined && error.errno === Errno.EINVAL && !hasArenas(kernel)) {
      throw new NotSupportedError(`arenas (map ${spec.name}) by ${kernel.name}`, { since: "6.9" });
    }
    const isNewer = spec.structOps?.link === true && error.errno === Errno.EINVAL;
    throw new BpfkitError("LD051", `map ${spec.name} could not be created: ${error.message}`, {
      ...(isNewer
        ? { hint: 'Section .struct_ops.link needs Linux 6.4; older kernels take SEC(".struct_ops").' }
        : {}),
      cause: error,
    });
  } finally {
    inner?.close();
  }
}

/** The template of a map of maps; the kernel reads its shape only. */
function createInner(outer: MapSpec, spec: MapSpec, creation: MapCreation): BpfMap {
  return createMap({ ...spec, kernelName: kernelObjectName(`${outer.name}.in`) }, creation);
}

/** With BTF where the kernel takes it; types it refuses must not stop a program. */
function createWithTypes(attributes: MapCreateAttributes, spec: MapSpec, creation: MapCreation): Fd {
  const { kernel, btfFd } = creation;
  const typed = spec.keyTypeId !== 0 || spec.valueTypeId !== 0;
  if (btfFd === undefined || !typed || untypedMaps.has(spec.type)) return kernel.mapCreate(attributes);
  try {
    const { keyTypeId, valueTypeId } = spec;
    return kernel.mapCreate({
      ...attributes,
      btf: btfFd,
      btfKeyTypeId: keyTypeId,
      btfValueTypeId: valueTypeId,
    });
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return kernel.mapCreate(attributes);
  }
}

function fillDataMap(map: BpfMap, spec: MapSpec, kernel: Kernel): void {
  if (spec.contents === undefined) return;
  map.updateBytes(new Uint8Array(4), spec.contents);
  if (spec.frozen) kernel.mapFreeze(map.fd);
}
