/**
 * Takes a WASI program's standard output and error out of its memory.
 *
 * LLVM's streams are unbuffered under WASI, because fstat tells no block size there: one AST is three million writes, most of
 * a single byte. Through @wasmer/wasi that is five seconds, as calls into JavaScript 120 ms. So standard output has a few
 * instructions of WebAssembly in front of it, which collect the bytes in a buffer inside the program's own memory.
 */
import { LargestOutput } from "./command.ts";

/** `fd_write` of WASI preview 1: file, address and number of (address, size) pairs, address for the number of bytes. */
export type FdWrite = (fd: number, vectors: number, count: number, written: number) => number;

/** Thrown through the program when it prints more than {@link LargestOutput}. */
export class OutputLimit extends Error {}

const PageSize = 65536;
const BufferPages = 16;

/** The two streams of one run. Give {@link fdWrite} to the program, then its memory to {@link connect}, then start it. */
export class StandardOutput {
  readonly stderr = new ByteSink();
  readonly #stdout = new ByteSink();
  readonly #door: WebAssembly.Instance;
  readonly #otherFiles: FdWrite;
  #memory: WebAssembly.Memory | undefined;
  #position: WebAssembly.Global | undefined;
  #end: WebAssembly.Global | undefined;
  /** Where the buffer starts; 0 until there is one. */
  #start = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));

  /** @param otherFiles what writes to all files but these two */
  constructor(otherFiles: FdWrite) {
    this.#otherFiles = otherFiles;
    this.#door = new WebAssembly.Instance(doorModule());
  }

  /** The import for the program. */
  get fdWrite(): WebAssembly.ImportValue {
    return this.#door.exports["fd_write"] as WebAssembly.ImportValue;
  }

  /** Opens the door: to be called before the program is started. */
  connect(memory: WebAssembly.Memory): void {
    this.#memory = memory;
    this.#position = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
    this.#end = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
    const collector = new WebAssembly.Instance(collectorModule(), {
      env: {
        memory,
        position: this.#position,
        end: this.#end,
        slow_write: (fd: number, vectors: number, count: number, written: number) =>
          this.#slowWrite(fd, vectors, count, written),
      },
    });
    (this.#door.exports["table"] as WebAssembly.Table).set(0, collector.exports["fd_write"]);
  }

  /** All of standard output. To be called at the end of the run. */
  stdout(): Uint8Array {
    this.#drain();
    return this.#stdout.bytes();
  }

  /** What the buffer cannot take: other files, several pieces at once, and pieces that do not fit. */
  #slowWrite(fd: number, vectors: number, count: number, written: number): number {
    if (fd !== 1 && fd !== 2) return this.#otherFiles(fd, vectors, count, written);
    if (fd === 1) {
      this.#drain();
      if (this.#start === 0) this.#makeBuffer();
    }
    this.#refreshViews();
    const sink = fd === 1 ? this.#stdout : this.stderr;
    let total = 0;
    for (let index = 0; index < count; index++) {
      const start = this.#view.getUint32(vectors + 8 * index, true);
      const size = this.#view.getUint32(vectors + 8 * index + 4, true);
      sink.append(this.#bytes.subarray(start, start + size));
      total += size;
    }
    this.#view.setUint32(written, total, true);
    return 0;
  }

  /** At the end of the memory, where the program's allocator takes it for somebody else's. */
  #makeBuffer(): void {
    try {
      this.#start = (this.#memory?.grow(BufferPages) ?? 0) * PageSize;
    } catch {
      // The memory limit is reached: the program is about to fail, and writes go the slow way until then.
      return;
    }
    if (this.#position === undefined || this.#end === undefined) return;
    this.#position.value = this.#start;
    this.#end.value = this.#start + BufferPages * PageSize;
  }

  #drain(): void {
    if (this.#start === 0 || this.#position === undefined) return;
    // i32 globals are signed; addresses are not.
    const end = (this.#position.value as number) >>> 0;
    this.#position.value = this.#start;
    this.#refreshViews();
    this.#stdout.append(this.#bytes.subarray(this.#start, end));
  }

  #refreshViews(): void {
    // Growing detaches the views, and a detached one has no length.
    if (this.#bytes.length > 0) return;
    const buffer = this.#memory?.buffer ?? new ArrayBuffer(0);
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }
}

/** Bytes that grow by doubling. */
class ByteSink {
  #buffer = new Uint8Array(1 << 12);
  #length = 0;

  append(bytes: Uint8Array): void {
    const end = this.#length + bytes.length;
    if (end > this.#buffer.length) this.#grow(end);
    this.#buffer.set(bytes, this.#length);
    this.#length = end;
  }

  /** A view. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  #grow(needed: number): void {
    if (needed > LargestOutput) throw new OutputLimit("too much output");
    const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}

let door: WebAssembly.Module | undefined;
let collector: WebAssembly.Module | undefined;

/** Type 0 of both modules: that of fd_write. */
const functionType = [0x01, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f];
const allParameters = [0x20, 0, 0x20, 1, 0x20, 2, 0x20, 3];

/**
 * The program needs its imports before it has a memory, and the collector needs the memory. The door stands between them: it
 * exports `fd_write`, which calls what is in slot 0 of the exported `table`.
 */
function doorModule(): WebAssembly.Module {
  door ??= assemble([
    [1, functionType],
    [3, [1, 0]],
    // One table of one function reference.
    [4, [1, 0x70, 0, 1]],
    [7, [2, ...exported("table", 1, 0), ...exported("fd_write", 0, 0)]],
    // i32.const 0; call_indirect type 0, table 0
    [10, [1, ...body([0], [...allParameters, 0x41, 0, 0x11, 0, 0])]],
  ]);
  return door;
}

/**
 * `fd_write` for standard output of one piece that fits:
 *
 *     if (fd == 1 && count == 1 && (size = vectors[1]) <= end - position) {
 *       memory.copy(position, vectors[0], size); position += size; *written = size; return 0;
 *     }
 *     return slow_write(fd, vectors, count, written);
 */
function collectorModule(): WebAssembly.Module {
  const size = 4;
  const position = 0;
  const end = 1;
  const returnsIfNot = (condition: readonly number[]) => [...condition, 0x45, 0x0d, 0];
  const loadSize = [0x20, 1, 0x28, 2, 4, 0x22, size];
  const loadStart = [0x20, 1, 0x28, 2, 0];
  const isOne = (parameter: number) => [0x20, parameter, 0x41, 1, 0x46];
  const room = [0x23, end, 0x23, position, 0x6b];
  const code = [
    ...[0x02, 0x40],
    ...returnsIfNot([...isOne(0), ...isOne(2), 0x71]),
    // i32.le_u
    ...returnsIfNot([...loadSize, ...room, 0x4d]),
    // Nearly all pieces are one byte: a store is less work than memory.copy.
    ...[0x20, size, 0x41, 1, 0x46, 0x04, 0x40],
    ...[0x23, position, ...loadStart, 0x2d, 0, 0, 0x3a, 0, 0],
    0x05,
    ...[0x23, position, ...loadStart, 0x20, size, 0xfc, 10, 0, 0],
    0x0b,
    ...[0x23, position, 0x20, size, 0x6a, 0x24, position],
    ...[0x20, 3, 0x20, size, 0x36, 2, 0],
    ...[0x41, 0, 0x0f],
    0x0b,
    ...[...allParameters, 0x10, 0],
  ];
  collector ??= assemble([
    [1, functionType],
    [
      2,
      [
        4,
        ...[...imported("slow_write"), 0, 0],
        ...[...imported("memory"), 2, 0, 0],
        ...[...imported("position"), 3, 0x7f, 1],
        ...[...imported("end"), 3, 0x7f, 1],
      ],
    ],
    [3, [1, 0]],
    [7, [1, ...exported("fd_write", 0, 1)]],
    [10, [1, ...body([1, 1, 0x7f], code)]],
  ]);
  return collector;
}

/** A module of sections, each its number and content; all sizes are below 128, so that every LEB128 number is one byte. */
function assemble(
  sections: readonly (readonly [id: number, content: readonly number[]])[],
): WebAssembly.Module {
  const bytes = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  for (const [id, content] of sections) bytes.push(id, content.length, ...content);
  return new WebAssembly.Module(Uint8Array.from(bytes));
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

function imported(field: string): number[] {
  return [...name("env"), ...name(field)];
}

function exported(field: string, kind: number, index: number): number[] {
  return [...name(field), kind, index];
}

function body(locals: readonly number[], code: readonly number[]): number[] {
  return [locals.length + code.length + 1, ...locals, ...code, 0x0b];
}
