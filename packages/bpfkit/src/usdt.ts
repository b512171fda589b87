/** USDT probes of one program or process, with the programs that are to run on them (BCC's class USDT). */
import { UsageError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { splitArguments, usdtProbes } from "@bpfkit/loader";
import type { Attacher } from "./attacher.ts";

/** Which program; at least one of the two. */
export interface UsdtContextOptions {
  /** The program or library: a path, `libc.so.6`, `node`, or `c` for the C library. */
  readonly path?: string;
  /** Only in this process; without a path, of the program that it runs. */
  readonly pid?: number;
}

/** One probe of the program. */
export interface UsdtProbe {
  readonly provider: string;
  readonly name: string;
  /** Offsets in the file of the places where it is. */
  readonly locations: readonly number[];
  readonly argumentCount: number;
  /** True where the program asks whether anybody listens before it computes arguments. */
  readonly hasSemaphore: boolean;
}

/** Collects probes to enable; `BPF.open` attaches them when it is given as one of `usdtContexts`. */
export class USDT {
  readonly #path: string;
  readonly #pid: number | undefined;
  readonly #enabled: { readonly probe: string; readonly program: string }[] = [];

  /** @throws UsageError where neither a path nor a pid is given */
  constructor(options: UsdtContextOptions) {
    const { path, pid } = options;
    if (path === undefined && pid === undefined) {
      throw new UsageError("either a pid or a binary path must be specified");
    }
    this.#path = path ?? `/proc/${pid}/exe`;
    this.#pid = pid;
  }

  /** Runs a program at a probe, named `NAME` or `PROVIDER:NAME`. */
  enableProbe(options: { readonly probe: string; readonly program: string }): void {
    this.#enabled.push(options);
  }

  /** The probes that the program has. @throws BpfkitError LD082, LD083 */
  enumerateProbes(kernel: Kernel): UsdtProbe[] {
    const probes = new Map<string, UsdtProbe & { locations: number[] }>();
    for (const note of usdtProbes(kernel, this.#path)) {
      const key = `${note.provider}:${note.name}`;
      const known = probes.get(key);
      if (known !== undefined) {
        known.locations.push(note.offset);
        continue;
      }
      probes.set(key, {
        provider: note.provider,
        name: note.name,
        locations: [note.offset],
        argumentCount: splitArguments(note.arguments).length,
        hasSemaphore: note.semaphoreAddress !== 0,
      });
    }
    return [...probes.values()];
  }

  /** Attaches what was enabled. @throws BpfkitError LD086 where there is no such probe */
  attach(to: Attacher): void {
    for (const { probe, program } of this.#enabled) {
      const colon = probe.indexOf(":");
      to.attachUsdt({
        path: this.#path,
        name: probe.slice(colon + 1),
        program,
        ...(colon === -1 ? {} : { provider: probe.slice(0, colon) }),
        ...(this.#pid === undefined ? {} : { pid: this.#pid }),
      });
    }
  }
}
