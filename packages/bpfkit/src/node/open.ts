/** Opens programs on Node in one call: C text, a C file or an object, in a kernel that is given or simulated. */
import { readFileSync } from "node:fs";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel, KernelProfile } from "@bpfkit/base/kernel";
import type { BPF } from "../bpf.ts";
import { Builder, type BuilderOptions } from "./builder.ts";
import { openLinuxKernel } from "./linux.ts";
import { loadBundledProfile } from "./profile.ts";

/** Which kernel to open. */
export interface KernelOptions {
  /** `vm`: the simulated one (default). `kernel`: this machine's own. */
  readonly target?: "vm" | "kernel";
  /** The simulated machine's workload; `mixed` unless told otherwise. */
  readonly scenario?: string;
  readonly seed?: number;
  readonly engine?: "jit" | "interpreter";
  /** Types, tracepoints and functions of the simulated kernel; the bundled profile's unless given. */
  readonly profile?: KernelProfile;
}

/** Opens a kernel; the simulated one is loaded only where it is asked for. @throws UsageError for an unknown workload, BpfkitError LK0xx where this machine's cannot be had */
export async function openKernel(options: KernelOptions = {}): Promise<Kernel> {
  const { target = "vm", scenario = "mixed", seed, engine } = options;
  if (target === "kernel") return await openLinuxKernel();
  const { simulatedKernel } = await import("./simulated.ts");
  return simulatedKernel({
    profile: options.profile ?? loadBundledProfile(),
    scenario,
    ...(seed === undefined ? {} : { seed }),
    ...(engine === undefined ? {} : { engine }),
  });
}

/** What to open: exactly one of `text`, `file` and `object`. */
export interface OpenOptions extends BuilderOptions, KernelOptions {
  /** C, BCC's or libbpf's. */
  readonly text?: string;
  /** Path of a .c or .o file. */
  readonly file?: string;
  /** A compiled object. */
  readonly object?: Uint8Array;
  /** Where to load; a kernel by {@link KernelOptions} is opened, and shut down with the program, where absent. */
  readonly kernel?: Kernel;
  readonly autoAttach?: boolean;
  /** Namespace of maps that objects share (BPF_TABLE_SHARED); the empty one unless given. */
  readonly mapsNamespace?: string;
  /** Gets messages such as lost events. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Builds, loads and attaches.
 * @throws BpfkitError for C that does not compile, objects that do not load, functions that do not exist
 */
export async function openBpf(options: OpenOptions): Promise<BPF> {
  const { name, object } = await objectOf(options);
  const { BPF } = await import("../bpf.ts");
  const { autoAttach, onWarning, mapsNamespace } = options;
  const kernel = options.kernel ?? (await openKernel(options));
  let isOurs = options.kernel === undefined;
  const onClose = (): void => {
    if (isOurs) kernel.shutdown();
    isOurs = false;
  };
  try {
    return await BPF.open({
      object,
      name,
      kernel,
      onClose,
      ...(autoAttach === undefined ? {} : { autoAttach }),
      ...(mapsNamespace === undefined ? {} : { mapsNamespace }),
      ...(onWarning === undefined ? {} : { onWarning }),
    });
  } catch (error) {
    onClose();
    throw error;
  }
}

async function objectOf(options: OpenOptions): Promise<{ name: string; object: Uint8Array }> {
  const { text, file, object } = options;
  const given = [text, file, object].filter((each) => each !== undefined).length;
  if (given !== 1) {
    throw new BpfkitError("US001", "openBpf takes exactly one of text, file and object");
  }
  if (object !== undefined) return { name: "object", object };
  const name = file ?? "program.c";
  if (file?.endsWith(".o")) return { name, object: new Uint8Array(readInput(file)) };
  const builder = new Builder(options);
  try {
    const built = await builder.build({
      file: name,
      text: text ?? new TextDecoder().decode(readInput(name)),
    });
    return { name, object: built.object };
  } finally {
    await builder.close();
  }
}

function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BpfkitError("BK012", `cannot read ${path}: ${why}`, { cause: error });
  }
}
