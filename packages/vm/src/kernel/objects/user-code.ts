/** Code in user space: programs and the C library with their functions, where they are mapped, and their ELF files. */
import { SystemCallNumber } from "../system-call-numbers.ts";
import { elfWithSymbols } from "./elf-file.ts";

/** Every function is this long. */
const FunctionSize = 0x100;
/** Offset of the code in each file, and its address as the file's symbols count. */
const TextOffset = 0x1000;

/** Where the C library is mapped, and the first of the places for programs. */
const LibraryText = 0x7f3c_8a02_8000n;
const ProgramText = 0x55d0_1b4f_2000n;

/** Functions that every program has, outermost first; scenarios name those of theirs. */
const DefaultFunctions = ["_start", "main", "work"];

/** A function that the C library has beside the wrappers of system calls. */
export const LibraryStart = "__libc_start_call_main";

/** A program or library. */
export class UserCode {
  /** As /proc/PID/maps shows it. */
  readonly path: string;
  /** Where its code begins in a process. */
  readonly start: bigint;
  readonly inode: number;
  readonly #functions: readonly string[];
  #file: Uint8Array | undefined;

  constructor(path: string, start: bigint, functions: readonly string[]) {
    this.path = path;
    this.start = start;
    this.#functions = functions;
    this.inode = 0x10_0000 + (mix(path) % 0x10_0000);
  }

  /** A return address inside a function: some way in, and always the same; 0n for one that it does not have. */
  addressIn(name: string): bigint {
    const index = this.#functions.indexOf(name);
    return index < 0 ? 0n : this.start + BigInt(index * FunctionSize + 0x10 + (mix(name) % 0xe0));
  }

  /** The executable mapping's line in /proc/PID/maps. */
  mapsLine(): string {
    const size = (this.#functions.length * FunctionSize + 0xfff) & ~0xfff;
    const range = `${this.start.toString(16)}-${(this.start + BigInt(size)).toString(16)}`;
    return `${range} r-xp ${TextOffset.toString(16).padStart(8, "0")} 08:02 ${this.inode} ${this.path}\n`;
  }

  /** Its ELF file: a symbol table and code that is never run. */
  file(): Uint8Array {
    this.#file ??= elfWithSymbols(
      this.#functions.map((name, index) => ({
        name,
        address: TextOffset + index * FunctionSize,
        size: FunctionSize,
      })),
      TextOffset,
    );
    return this.#file;
  }
}

/** Programs by name, made when first asked for. */
export class UserPrograms {
  readonly library = new UserCode("/usr/lib/x86_64-linux-gnu/libc.so.6", LibraryText, [
    ...Object.keys(SystemCallNumber),
    LibraryStart,
  ]);
  readonly #programs = new Map<string, UserCode>();

  /** Says which functions a program has; to be called before anything of it runs. */
  declare(name: string, functions: readonly string[]): void {
    this.#programs.set(name, this.#make(name, functions));
  }

  /** The code of a program, by the name of its file. */
  program(name: string): UserCode {
    let code = this.#programs.get(name);
    if (code === undefined) {
      code = this.#make(name, DefaultFunctions);
      this.#programs.set(name, code);
    }
    return code;
  }

  /** The code behind a path; undefined where there is none. */
  atPath(path: string): UserCode | undefined {
    if (path === this.library.path) return this.library;
    return [...this.#programs.values()].find((code) => code.path === path);
  }

  #make(name: string, functions: readonly string[]): UserCode {
    const place = BigInt(mix(name) % 0x1000) << 16n;
    return new UserCode(`/usr/bin/${name}`, ProgramText + place, functions);
  }
}

/** A number made up from a text, always the same. */
function mix(text: string): number {
  let mixed = 7;
  for (let at = 0; at < text.length; at++) mixed = (Math.imul(mixed, 131) + text.charCodeAt(at)) >>> 0;
  return mixed;
}
