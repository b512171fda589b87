/** bpf(2): the port's map, program and BTF commands on this machine's kernel. */
import { Command, Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type {
  BpfSyscalls,
  Fd,
  MapCreateAttributes,
  MapInfo,
  ProgramLoadAttributes,
  ProgramTestRunOptions,
  ProgramTestRunResult,
} from "@bpfkit/base/kernel";
import { isPerCpu, perCpuStride } from "../object/per-cpu-values.ts";
import type { Descriptors } from "./descriptors.ts";
import { addressOf, rawSyscall } from "./ffi.ts";
import { loadBtf, loadProgram } from "./program-load.ts";
import {
  infoAttr,
  mapCreateAttr,
  mapElementAttr,
  mapFreezeAttr,
  mapInfo,
  rawTracepointAttr,
  testRunAttr,
} from "./structs.ts";

/** Size of keys and of raw values, all CPUs' together. */
export interface MapShape {
  readonly keySize: number;
  readonly rawValueSize: number;
}

const encoder = new TextEncoder();

/** Room for what a packet program or context may have grown to. */
const testRunSlack = 256;

/** Makes a bpf(2) call; a negative result is a negated errno. */
export function bpf(command: number, attributes: Uint8Array): number {
  return rawSyscall("bpf", command, attributes, attributes.length);
}

/** The bpf(2) facet. */
export class LinuxBpf implements BpfSyscalls {
  readonly #descriptors: Descriptors;
  readonly #release: string;
  readonly #possibleCpuCount: number;
  readonly #shapes = new Map<Fd, MapShape>();

  constructor(descriptors: Descriptors, release: string, possibleCpuCount: number) {
    this.#descriptors = descriptors;
    this.#release = release;
    this.#possibleCpuCount = possibleCpuCount;
  }

  /** To be called when a descriptor is closed: its number may come back for another map. */
  forget(fd: Fd): void {
    this.#shapes.delete(fd);
  }

  /** Sizes of a map's keys and raw values. */
  sizes(map: Fd): MapShape {
    return this.#shape(map);
  }

  mapCreate(attributes: MapCreateAttributes): Fd {
    const { type, keySize, valueSize, maxEntries, flags, name, innerMap, btf: types } = attributes;
    const bytes = mapCreateAttr.encode(
      {
        mapType: type,
        keySize,
        valueSize,
        maxEntries,
        mapFlags: flags,
        mapName: name,
        innerMapFd: innerMap,
        btfFd: types,
        btfKeyTypeId: attributes.btfKeyTypeId,
        btfValueTypeId: attributes.btfValueTypeId,
        numaNode: attributes.numaNode,
        mapExtra: attributes.mapExtra,
        btfVmlinuxValueTypeId: attributes.btfVmlinuxValueTypeId,
      },
      addressOf,
    );
    const fd = this.#descriptors.add(bpf(Command.MapCreate, bytes), "BPF_MAP_CREATE");
    this.#shapes.set(fd, this.#shapeOf({ type, keySize, valueSize }));
    return fd;
  }

  mapInfo(map: Fd): MapInfo {
    const info = new Uint8Array(mapInfo.sizeBytes);
    const attributes = infoAttr.encode({ fd: map, infoLength: info.length, info }, addressOf);
    check("BPF_OBJ_GET_INFO_BY_FD", bpf(Command.ObjGetInfoByFd, attributes));
    return {
      id: mapInfo.u32(info, "id"),
      type: mapInfo.u32(info, "type"),
      keySize: mapInfo.u32(info, "keySize"),
      valueSize: mapInfo.u32(info, "valueSize"),
      maxEntries: mapInfo.u32(info, "maxEntries"),
      flags: mapInfo.u32(info, "mapFlags"),
      name: mapInfo.text(info, "name"),
      btfId: mapInfo.u32(info, "btfId"),
      btfKeyTypeId: mapInfo.u32(info, "btfKeyTypeId"),
      btfValueTypeId: mapInfo.u32(info, "btfValueTypeId"),
      mapExtra: mapInfo.u64(info, "mapExtra"),
      ifindex: mapInfo.u32(info, "ifindex"),
    };
  }

  mapLookup(map: Fd, key: Uint8Array, flags = 0): Uint8Array | undefined {
    return this.#read("BPF_MAP_LOOKUP_ELEM", Command.MapLookupElem, map, key, flags);
  }

  mapLookupAndDelete(map: Fd, key: Uint8Array): Uint8Array | undefined {
    return this.#read("BPF_MAP_LOOKUP_AND_DELETE_ELEM", Command.MapLookupAndDeleteElem, map, key, 0);
  }

  mapUpdate(map: Fd, key: Uint8Array, value: Uint8Array, flags: number): void {
    const command = "BPF_MAP_UPDATE_ELEM";
    const shape = this.#shape(map);
    requireLength(command, "key", key, shape.keySize);
    requireLength(command, "value", value, shape.rawValueSize);
    const attributes = mapElementAttr.encode({ mapFd: map, key, value, flags }, addressOf);
    check(command, bpf(Command.MapUpdateElem, attributes));
  }

  mapDelete(map: Fd, key: Uint8Array): boolean {
    const command = "BPF_MAP_DELETE_ELEM";
    requireLength(command, "key", key, this.#shape(map).keySize);
    const result = bpf(Command.MapDeleteElem, mapElementAttr.encode({ mapFd: map, key }, addressOf));
    if (result === -Errno.ENOENT) return false;
    check(command, result);
    return true;
  }

  mapNextKey(map: Fd, key: Uint8Array | undefined): Uint8Array | undefined {
    const command = "BPF_MAP_GET_NEXT_KEY";
    const { keySize } = this.#shape(map);
    if (key !== undefined) requireLength(command, "key", key, keySize);
    const next = new Uint8Array(keySize);
    const attributes = mapElementAttr.encode({ mapFd: map, key, value: next }, addressOf);
    const result = bpf(Command.MapGetNextKey, attributes);
    if (result === -Errno.ENOENT) return undefined;
    check(command, result);
    return next;
  }

  mapFreeze(map: Fd): void {
    check("BPF_MAP_FREEZE", bpf(Command.MapFreeze, mapFreezeAttr.encode({ mapFd: map }, addressOf)));
  }

  programLoad(attributes: ProgramLoadAttributes): Fd {
    return this.#descriptors.add(loadProgram(attributes, this.#release), "BPF_PROG_LOAD");
  }

  btfLoad(btf: Uint8Array): Fd {
    return this.#descriptors.add(loadBtf(btf), "BPF_BTF_LOAD");
  }

  programTestRun(program: Fd, options: ProgramTestRunOptions): ProgramTestRunResult {
    const { data, context, repeat } = options;
    const dataOut = data === undefined ? undefined : new Uint8Array(data.length + testRunSlack);
    // Programs of type syscall write to the context that is passed in; packet programs need another one for the result.
    const contextIn = context?.slice();
    const contextOut = data === undefined || context === undefined ? undefined : context.slice();
    const attributes = testRunAttr.encode(
      {
        programFd: program,
        dataIn: data,
        dataSizeIn: data?.length,
        dataOut,
        dataSizeOut: dataOut?.length,
        contextIn,
        contextSizeIn: contextIn?.length,
        contextOut,
        contextSizeOut: contextOut?.length,
        repeat,
      },
      addressOf,
    );
    check("BPF_PROG_TEST_RUN", bpf(Command.ProgTestRun, attributes));
    return {
      returnValue: testRunAttr.u32(attributes, "returnValue"),
      context: contextOut ?? contextIn ?? new Uint8Array(0),
      data: dataOut?.subarray(0, testRunAttr.u32(attributes, "dataSizeOut")) ?? new Uint8Array(0),
    };
  }

  rawTracepointOpen(name: string, program: Fd): Fd {
    const text = name === "" ? undefined : encoder.encode(`${name}\0`);
    const attributes = rawTracepointAttr.encode({ name: text, programFd: program }, addressOf);
    return this.#descriptors.add(bpf(Command.RawTracepointOpen, attributes), "BPF_RAW_TRACEPOINT_OPEN");
  }

  #read(command: string, number: number, map: Fd, key: Uint8Array, flags: number): Uint8Array | undefined {
    const { keySize, rawValueSize } = this.#shape(map);
    requireLength(command, "key", key, keySize);
    const value = new Uint8Array(rawValueSize);
    const result = bpf(number, mapElementAttr.encode({ mapFd: map, key, value, flags }, addressOf));
    if (result === -Errno.ENOENT) return undefined;
    check(command, result);
    return value;
  }

  #shape(map: Fd): MapShape {
    let shape = this.#shapes.get(map);
    if (shape === undefined) {
      shape = this.#shapeOf(this.mapInfo(map));
      this.#shapes.set(map, shape);
    }
    return shape;
  }

  #shapeOf(map: { readonly type: number; readonly keySize: number; readonly valueSize: number }): MapShape {
    const { keySize, valueSize } = map;
    const rawValueSize = isPerCpu(map.type) ? perCpuStride(valueSize) * this.#possibleCpuCount : valueSize;
    return { keySize, rawValueSize };
  }
}

function check(command: string, result: number): void {
  if (result < 0) throw new SyscallError(command, -result);
}

/** The kernel takes the sizes on trust: it would read or write past the end of shorter bytes. */
function requireLength(command: string, what: string, bytes: Uint8Array, sizeBytes: number): void {
  if (bytes.length === sizeBytes) return;
  throw new SyscallError(command, Errno.EINVAL, {
    detail: `the ${what} has ${bytes.length} bytes, not ${sizeBytes}`,
  });
}
