/** One object in the kernel: which of its programs load, at what cost, and what they do on given inputs. */
import { inputsFor } from "./inputs.ts";
import {
  lookup,
  type NativeMap,
  NativeObject,
  type NativeProgram,
  nextKey,
  popElement,
  possibleCpus,
  testRun,
  verifiedInstructionsOf,
} from "./libbpf.ts";
import { nameOwnProcess } from "./own-process.ts";

/** What the kernel says of one program. */
export interface ProgramVerdict {
  readonly name: string;
  readonly section: string;
  /** 0, or a negative errno. */
  readonly error: number;
  /** The verifier's "insns processed"; absent where it was not loaded. */
  readonly verified?: number;
}

/** What the kernel says of an object. */
export interface ObjectVerdict {
  /** Why libbpf does not open the file; then there are no programs. */
  readonly refused?: string;
  /** True where all programs that libbpf loads by itself load together. */
  readonly whole: boolean;
  readonly programs: readonly ProgramVerdict[];
  /** What the runs left behind: a line for each result, packet and map element. Empty where nothing was run. */
  readonly traces: readonly string[];
}

/** What is to be done with an object. */
export interface Order {
  readonly file: string;
  /** Run what loaded. */
  readonly run: boolean;
  /** Programs to try one by one where the object does not load as a whole; all of them where absent. */
  readonly only?: readonly string[];
}

/** Loads an object, and runs its programs on fresh maps. */
export function judge(order: Order): ObjectVerdict {
  let whole: ObjectVerdict;
  try {
    whole = session(order, undefined);
  } catch (error) {
    return {
      refused: error instanceof Error ? error.message : String(error),
      whole: false,
      programs: [],
      traces: [],
    };
  }
  if (whole.whole) return whole;
  // One program that the kernel refuses, and the object is refused: the others have to be tried alone.
  const alone = whole.programs
    .filter(({ name }) => order.only === undefined || order.only.includes(name))
    .map(({ name }) => session(order, name));
  return {
    whole: false,
    programs: alone.flatMap(({ programs }) => programs),
    traces: alone.flatMap(({ traces }) => traces),
  };
}

function session(order: Order, only: string | undefined): ObjectVerdict {
  const object = new NativeObject(order.file);
  try {
    const chosen = object.programs.filter(({ name }) => only === undefined || name === only);
    const status = object.load(only === undefined ? undefined : chosen[0]);
    const programs = chosen.map((program): ProgramVerdict => {
      const { name, section } = program;
      if (status < 0) return { name, section, error: status };
      const fd = object.fd(program);
      // A program that libbpf leaves out (`SEC("?...")`) is no error of the object.
      return fd < 0
        ? { name, section, error: fd }
        : { name, section, error: 0, verified: verifiedInstructionsOf(fd) };
    });
    const traces = status < 0 || !order.run ? [] : runAll(order.file, object, chosen);
    return { whole: status === 0, programs, traces };
  } finally {
    object.close();
  }
}

function runAll(file: string, object: NativeObject, programs: readonly NativeProgram[]): string[] {
  const traces: string[] = [];
  if (!programs.some(({ type }) => inputsFor(type).length > 0)) return traces;
  const maps = object.maps();
  nameOwnProcess(file, maps);
  for (const program of programs) {
    const fd = object.fd(program);
    if (fd < 0) continue;
    inputsFor(program.type).forEach((input, index) => {
      const { error, result, data, context } = testRun(fd, input);
      traces.push(
        `${program.name} on input ${index}: ${error < 0 ? `errno ${-error}` : `returns ${result}`}`,
      );
      if (data.length > 0) traces.push(`${program.name} on input ${index}: packet ${hex(data)}`);
      if (context.length > 0) traces.push(`${program.name} on input ${index}: context ${hex(context)}`);
    });
  }
  for (const map of maps) traces.push(...contents(map));
  return traces;
}

/** enum bpf_map_type, as far as reading differs. */
const perCpuTypes = new Set([5, 6, 10, 21]);
const queueTypes = new Set([22, 23]);
/** Values that are other objects' numbers, addresses of code or not for system calls to read: programs, perf, stacks, cgroups, maps, devices, sockets, rings, storages, arenas. */
const opaqueTypes = new Set([3, 4, 7, 8, 12, 13, 14, 15, 16, 17, 18, 19, 24, 26, 27, 28, 29, 30, 31, 32, 33]);
/** Elements that are looked at in each map. */
const mostElements = 4096;

function contents(map: NativeMap): string[] {
  // Constants may lie in any order, and no program changes them.
  if (map.fd < 0 || opaqueTypes.has(map.type) || map.name.includes(".rodata")) return [];
  const size = perCpuTypes.has(map.type) ? ((map.valueSize + 7) & ~7) * possibleCpus() : map.valueSize;
  const lines: string[] = [];
  if (queueTypes.has(map.type)) {
    for (let value = popElement(map.fd, size); value !== undefined; value = popElement(map.fd, size))
      lines.push(`${map.name}: ${hex(value)}`);
    return lines;
  }
  let key = nextKey(map.fd, undefined, map.keySize);
  for (let count = 0; key !== undefined && count < mostElements; count++) {
    const value = lookup(map.fd, key, size);
    if (value?.some((byte) => byte !== 0)) lines.push(`${map.name}[${hex(key)}]: ${hex(value)}`);
    else if (value !== undefined && map.type !== 2 && map.type !== 6)
      lines.push(`${map.name}[${hex(key)}]: zero`);
    key = nextKey(map.fd, key, map.keySize);
  }
  return lines.sort();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
