/** The C library libbpf, called in this process: opens objects, loads chosen programs, asks the kernel about them. */
import koffi from "koffi";

/** A `struct bpf_object *`, `struct bpf_program *` or `struct bpf_map *`. */
type Pointer = unknown;

/** A program of an open object. */
export interface NativeProgram {
  readonly pointer: Pointer;
  readonly name: string;
  readonly section: string;
  /** enum bpf_prog_type. */
  readonly type: number;
}

/** A map of a loaded object. */
export interface NativeMap {
  readonly name: string;
  /** enum bpf_map_type. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly fd: number;
}

/** What a test run takes: a packet, a context, or none of both. */
export interface TestRunInput {
  readonly data?: Uint8Array;
  readonly context?: Uint8Array;
}

/** What a test run gave. */
export interface TestRunOutput {
  /** 0, or a negative errno: the kernel did not run the program. */
  readonly error: number;
  readonly result: number;
  readonly data: Uint8Array;
  /** The context after the run; the kernel writes it back for programs of type syscall. */
  readonly context: Uint8Array;
}

/** Room for what a program may make of a packet. */
const outputRoom = 4096;

/** Offset of `verified_insns` in `struct bpf_prog_info` (Linux 5.16), and the size up to its end. */
const verifiedInstructions = 216;

/** Binds the functions. @throws Error where libbpf.so.1 is not installed */
function bind() {
  const library = koffi.load("libbpf.so.1");
  const pointer = "void *";
  koffi.struct("bpf_test_run_opts", {
    sz: "size_t",
    data_in: pointer,
    data_out: pointer,
    data_size_in: "uint32",
    data_size_out: "uint32",
    ctx_in: pointer,
    ctx_out: pointer,
    ctx_size_in: "uint32",
    ctx_size_out: "uint32",
    retval: "uint32",
    repeat: "int",
    duration: "uint32",
    flags: "uint32",
    cpu: "uint32",
    batch_size: "uint32",
  });
  const of = (name: string, result: string, ...parameters: string[]) =>
    library.func(name, result, parameters) as (...args: unknown[]) => unknown;
  return {
    setPrint: of("libbpf_set_print", pointer, pointer),
    open: of("bpf_object__open_file", pointer, "str", pointer),
    load: of("bpf_object__load", "int", pointer),
    close: of("bpf_object__close", "void", pointer),
    nextProgram: of("bpf_object__next_program", pointer, pointer, pointer),
    programName: of("bpf_program__name", "str", pointer),
    sectionName: of("bpf_program__section_name", "str", pointer),
    programType: of("bpf_program__type", "int", pointer),
    setAutoload: of("bpf_program__set_autoload", "int", pointer, "bool"),
    autoload: of("bpf_program__autoload", "bool", pointer),
    programFd: of("bpf_program__fd", "int", pointer),
    nextMap: of("bpf_object__next_map", pointer, pointer, pointer),
    mapName: of("bpf_map__name", "str", pointer),
    mapType: of("bpf_map__type", "int", pointer),
    mapKeySize: of("bpf_map__key_size", "uint32", pointer),
    mapValueSize: of("bpf_map__value_size", "uint32", pointer),
    mapMaxEntries: of("bpf_map__max_entries", "uint32", pointer),
    mapFd: of("bpf_map__fd", "int", pointer),
    nextKey: of("bpf_map_get_next_key", "int", "int", pointer, pointer),
    lookup: of("bpf_map_lookup_elem", "int", "int", pointer, pointer),
    update: of("bpf_map_update_elem", "int", "int", pointer, pointer, "uint64"),
    popElement: of("bpf_map_lookup_and_delete_elem", "int", "int", pointer, pointer),
    info: of("bpf_obj_get_info_by_fd", "int", "int", pointer, pointer),
    testRun: of("bpf_prog_test_run_opts", "int", "int", "_Inout_ bpf_test_run_opts *"),
    cpus: of("libbpf_num_possible_cpus", "int"),
  };
}

let bound: ReturnType<typeof bind> | undefined;

function libbpf(): ReturnType<typeof bind> {
  if (bound === undefined) {
    bound = bind();
    bound.setPrint(null);
  }
  return bound;
}

/** Whether this machine has the library. */
export function hasLibbpf(): boolean {
  try {
    libbpf();
    return true;
  } catch {
    return false;
  }
}

/** An object file that libbpf has opened. */
export class NativeObject {
  readonly programs: readonly NativeProgram[];
  readonly #object: Pointer;

  /** @throws Error where libbpf refuses the file */
  constructor(file: string) {
    const lib = libbpf();
    const object = lib.open(file, null);
    this.#object = object;
    if (object === null) throw new Error(`libbpf cannot open it (errno ${koffi.errno()})`);
    const programs: NativeProgram[] = [];
    let at = lib.nextProgram(object, null);
    for (; at !== null; at = lib.nextProgram(object, at))
      programs.push({
        pointer: at,
        name: lib.programName(at) as string,
        section: lib.sectionName(at) as string,
        type: lib.programType(at) as number,
      });
    this.programs = programs;
  }

  /** Loads programs: one alone, or all that libbpf loads by itself. @returns 0 or a negative errno */
  load(only?: NativeProgram): number {
    const lib = libbpf();
    if (only !== undefined)
      for (const { pointer } of this.programs) lib.setAutoload(pointer, pointer === only.pointer);
    return lib.load(this.#object) as number;
  }

  /** The file descriptor of a loaded program; negative where it was not loaded. */
  fd(program: NativeProgram): number {
    return libbpf().programFd(program.pointer) as number;
  }

  maps(): NativeMap[] {
    const lib = libbpf();
    const maps: NativeMap[] = [];
    for (let at = lib.nextMap(this.#object, null); at !== null; at = lib.nextMap(this.#object, at))
      maps.push({
        name: lib.mapName(at) as string,
        type: lib.mapType(at) as number,
        keySize: lib.mapKeySize(at) as number,
        valueSize: lib.mapValueSize(at) as number,
        maxEntries: lib.mapMaxEntries(at) as number,
        fd: lib.mapFd(at) as number,
      });
    return maps;
  }

  close(): void {
    libbpf().close(this.#object);
  }
}

/** How many instructions the verifier looked at for a loaded program. @throws Error where the kernel does not say */
export function verifiedInstructionsOf(fd: number): number {
  const info = new Uint8Array(verifiedInstructions + 4);
  const length = new Uint32Array([info.length]);
  const status = libbpf().info(fd, info, length) as number;
  if (status < 0 || (length[0] ?? 0) < info.length) throw new Error(`no program info (${status})`);
  return new DataView(info.buffer).getUint32(verifiedInstructions, true);
}

/** BPF_PROG_TEST_RUN, once. */
export function testRun(fd: number, { data, context }: TestRunInput): TestRunOutput {
  const dataOut = new Uint8Array(data === undefined ? 0 : data.length + outputRoom);
  const contextOut = Uint8Array.from(context ?? []);
  const options = {
    sz: 80,
    data_in: data ?? null,
    data_out: data === undefined ? null : dataOut,
    data_size_in: data?.length ?? 0,
    data_size_out: dataOut.length,
    ctx_in: context === undefined ? null : contextOut,
    ctx_out: null,
    ctx_size_in: contextOut.length,
    ctx_size_out: 0,
    retval: 0,
    repeat: 0,
    duration: 0,
    flags: 0,
    cpu: 0,
    batch_size: 0,
  };
  const error = libbpf().testRun(fd, options) as number;
  return {
    error,
    result: options.retval,
    data: error < 0 ? dataOut.subarray(0, 0) : dataOut.subarray(0, options.data_size_out),
    context: contextOut,
  };
}

/** Processors that per-CPU maps have values for. */
export function possibleCpus(): number {
  return libbpf().cpus() as number;
}

/** The key after another, in the map's order; undefined at the end. */
export function nextKey(fd: number, key: Uint8Array | undefined, size: number): Uint8Array | undefined {
  const next = new Uint8Array(size);
  return (libbpf().nextKey(fd, key ?? null, next) as number) === 0 ? next : undefined;
}

/** A value, or undefined where there is none. `size` is that of all processors' values together. */
export function lookup(fd: number, key: Uint8Array, size: number): Uint8Array | undefined {
  const value = new Uint8Array(size);
  return (libbpf().lookup(fd, key, value) as number) === 0 ? value : undefined;
}

/** Sets a value. @returns 0 or a negative errno */
export function update(fd: number, key: Uint8Array, value: Uint8Array): number {
  return libbpf().update(fd, key, value, 0) as number;
}

/** Takes the next element off a queue or stack. */
export function popElement(fd: number, size: number): Uint8Array | undefined {
  const value = new Uint8Array(size);
  return (libbpf().popElement(fd, null, value) as number) === 0 ? value : undefined;
}
