/** Addresses in processes to function names: programs, libraries, the vDSO and compiled JavaScript. */
import type { Kernel } from "@bpfkit/base/kernel";
import { ImageCache } from "./image-cache.ts";
import { type SymbolOptions, unknownSymbol } from "./kernel-symbols.ts";
import { ProcessSymbols } from "./process-symbols.ts";

/** What an address in a process is. */
export interface UserSymbol {
  /** Undefined where the file has no symbol there. */
  readonly name: string | undefined;
  /** Bytes from the symbol's start; from the start of the file or memory where there is no symbol. */
  readonly offset: number;
  /** Path of the program or library, `[vdso]`, or `/tmp/perf-PID.map`; undefined where nothing is mapped. */
  readonly module: string | undefined;
}

/** How a user symbol is spelled. */
export interface UserSymbolOptions extends SymbolOptions {
  /** False: C++ and Rust names stay mangled. */
  readonly demangle?: boolean;
}

/** Processes whose mappings are kept; the ones unused for longest are forgotten when there are more. */
const mostProcesses = 512;

/** The symbols of all processes of one kernel. Files are opened on first use and stay open until {@link close}. */
export class UserSymbols {
  readonly #kernel: Kernel;
  readonly #images: ImageCache;
  readonly #processes = new Map<number, ProcessSymbols>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#images = new ImageCache(kernel);
  }

  /**
   * Looks an address up in a process (a thread group's id). Mappings of a process that has ended are known only where
   * it was asked about before.
   */
  find(pid: number, address: bigint): UserSymbol {
    return this.#process(pid).find(address);
  }

  /** The function at an address: `[unknown]` where there is none, in BCC's spelling. */
  name(address: bigint, pid: number, options: UserSymbolOptions = {}): string {
    const { name, offset, module } = this.find(pid, address);
    const { demangle = true, showModule = false, showOffset = false } = options;
    const mangled = name ?? unknownSymbol;
    const spelled = demangle ? (this.#kernel.demangle?.(mangled) ?? mangled) : mangled;
    const distance = showOffset && name !== undefined ? `+0x${offset.toString(16)}` : "";
    const place = showModule && module !== undefined ? ` [${module.slice(module.lastIndexOf("/") + 1)}]` : "";
    // A vDSO is in brackets already.
    return spelled + distance + place.replace("[[", "[").replace("]]", "]");
  }

  /** Closes every file that was opened for symbols. */
  close(): void {
    this.#images.close();
    this.#processes.clear();
  }

  #process(pid: number): ProcessSymbols {
    let process = this.#processes.get(pid);
    if (process === undefined) process = new ProcessSymbols(this.#kernel, this.#images, pid);
    else this.#processes.delete(pid);
    this.#processes.set(pid, process);
    for (const oldest of this.#processes.keys()) {
      if (this.#processes.size <= mostProcesses) break;
      this.#processes.delete(oldest);
    }
    return process;
  }
}
