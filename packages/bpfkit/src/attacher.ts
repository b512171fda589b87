/** Attaching programs by hand: the calls of BCC's Python class that put programs on functions, events and interfaces. */
import { UsageError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import {
  attachCgroup,
  attachIterator,
  attachKprobe,
  attachKprobeMulti,
  attachKretprobe,
  attachNetfilter,
  attachNetkit,
  attachNetworkNamespace,
  attachPerfEvent,
  attachRawTracepoint,
  attachReuseport,
  attachSocketFilter,
  attachSocketMap,
  attachStructOps,
  attachTracepoint,
  attachTrafficControl,
  attachUprobe,
  attachUprobeMulti,
  attachUretprobe,
  attachUsdt,
  attachXdp,
  autoAttach,
  type CgroupOptions,
  type Collection,
  canKprobe,
  type IteratorLink,
  type IteratorOptions,
  type KprobeMultiOptions,
  type KprobeOptions,
  type Link,
  matchingFunctions,
  type NetfilterOptions,
  type NetkitOptions,
  openPacketSocket,
  type PacketSocket,
  type PerfEventOptions,
  type Program,
  type SocketMapOptions,
  syscallFunction,
  type TrafficControlOptions,
  translateSyscallPrefix,
  type UprobeMultiOptions,
  type UprobeOptions,
  type UsdtOptions,
  type XdpOptions,
} from "@bpfkit/loader";

/** What to attach a program to. */
export interface AttachOptions {
  /** The kernel function, raw tracepoint, or `category:name` of a tracepoint. */
  readonly event: string;
  /** The C function's name. */
  readonly program: string;
}

/** Names the program that is attached. */
export interface OfProgram {
  /** The C function's name. */
  readonly program: string;
}

/** Most functions that a pattern may match where each gets a probe of its own (BCC's limit of probes). */
const mostProbes = 1000;

/** A loaded object whose programs are attached; what it attaches stays until it is closed. */
export abstract class Attacher {
  abstract readonly kernel: Kernel;
  abstract readonly collection: Collection;
  readonly #links: Link[] = [];
  #unattached: readonly Program[] = [];

  /**
   * Programs that {@link autoAttach} left alone: their sections name no target. Those that tail calls go to and that structs
   * of functions hold are not among them.
   */
  get unattached(): readonly Program[] {
    return this.#unattached;
  }

  /** What is attached, for messages. */
  get links(): readonly Link[] {
    return this.#links;
  }

  /** A loaded program by its C name. @throws UsageError with the names there are */
  program(name: string): Program {
    const program = this.collection.programs.get(name);
    if (program !== undefined) return program;
    const names = [...this.collection.programs.keys()].join(", ");
    throw new UsageError(`there is no program ${name}`, { hint: `There are: ${names || "none"}.` });
  }

  /** Attaches every program whose section names a target, and registers structs of functions (struct_ops). */
  autoAttach(): void {
    const maps = [...this.collection.maps.values()];
    const held = new Set(maps.flatMap(({ spec }) => spec.initialValues.map(({ symbol }) => symbol)));
    const left: Program[] = [];
    for (const program of this.collection.programs.values()) {
      const { method, attachTo } = program.spec;
      if (attachTo !== undefined && (method === "kprobe" || method === "kretprobe")) {
        program.spec.attachTo = translateSyscallPrefix(this.kernel, attachTo);
      }
      const link = autoAttach(this.kernel, program, this.collection.maps);
      if (link !== undefined) this.#links.push(link);
      else if (!held.has(program.name) && method !== "struct-ops") left.push(program);
    }
    this.#unattached = left;
    for (const map of this.collection.maps.values()) {
      if (map.kernelValue !== undefined) this.#links.push(attachStructOps(this.kernel, map));
    }
  }

  /** Runs a program whenever a kernel function is called. */
  attachKprobe(options: AttachOptions & Omit<KprobeOptions, "function">): Link {
    const { event, program, ...place } = options;
    return this.#keep(attachKprobe(this.kernel, this.program(program), { function: event, ...place }));
  }

  /** Runs a program whenever a kernel function returns. */
  attachKretprobe(options: AttachOptions & Omit<KprobeOptions, "function" | "offset">): Link {
    const { event, program, ...place } = options;
    return this.#keep(attachKretprobe(this.kernel, this.program(program), { function: event, ...place }));
  }

  /**
   * Puts a kprobe of its own on every function whose whole name matches (BCC's `event_re`).
   * Functions that the kernel lists but does not let be probed are left out.
   * @throws UsageError where nothing or more than 1000 functions match
   */
  attachKprobes(options: { readonly eventPattern: RegExp; readonly returns?: boolean } & OfProgram): Link[] {
    const { eventPattern, returns = false, program } = options;
    const whole = new RegExp(`^(?:${eventPattern.source})$`, eventPattern.flags.replace(/[gy]/g, ""));
    const all = new Set(matchingFunctions(this.kernel, whole, "all").map(({ name }) => name));
    const names = [...all].filter((name) => canKprobe(this.kernel, name));
    if (names.length === 0)
      throw new UsageError(`no function of the kernel that can be probed matches ${eventPattern.source}`);
    if (names.length > mostProbes) {
      throw new UsageError(
        `${names.length} functions match ${eventPattern.source}; ${mostProbes} can be probed`,
        {
          hint: 'Put the program in SEC("kprobe.multi") and use attachKprobeMulti, which has no such limit.',
        },
      );
    }
    const attach = returns ? attachKretprobe : attachKprobe;
    return names.map((name) => this.#keep(attach(this.kernel, this.program(program), { function: name })));
  }

  /** Runs a program of `SEC("kprobe.multi")` (Linux 5.18) or `SEC("kprobe.session")` (6.10) on many functions by one link. */
  attachKprobeMulti(options: KprobeMultiOptions & OfProgram): Link {
    const { program, ...functions } = options;
    return this.#keep(attachKprobeMulti(this.kernel, this.program(program), functions));
  }

  /** Runs a program on a tracepoint, given as `category:name`. */
  attachTracepoint(options: AttachOptions): Link {
    const [category, name, ...rest] = options.event.split(/[:/]/);
    if (!category || !name || rest.length > 0) {
      throw new UsageError(`a tracepoint is given as category:name, not '${options.event}'`);
    }
    return this.#keep(attachTracepoint(this.kernel, this.program(options.program), category, name));
  }

  /** Runs a program on a raw tracepoint. */
  attachRawTracepoint(options: AttachOptions): Link {
    return this.#keep(attachRawTracepoint(this.kernel, this.program(options.program), options.event));
  }

  /** Runs a program whenever a function of a program or library is called, in every process or in one. */
  attachUprobe(options: UprobeOptions & OfProgram): Link {
    const { program, ...place } = options;
    return this.#keep(attachUprobe(this.kernel, this.program(program), place));
  }

  /** Runs a program whenever such a function returns. */
  attachUretprobe(options: UprobeOptions & OfProgram): Link {
    const { program, ...place } = options;
    return this.#keep(attachUretprobe(this.kernel, this.program(program), place));
  }

  /** Runs a program on many functions of a file: those whose names match a pattern of `*` and `?`, or those that are named. */
  attachUprobeMulti(options: UprobeMultiOptions & OfProgram): Link {
    const { program, ...places } = options;
    return this.#keep(attachUprobeMulti(this.kernel, this.program(program), places));
  }

  /** Runs a program at a USDT probe of a program or library. */
  attachUsdt(options: UsdtOptions & OfProgram): Link {
    const { program, ...probe } = options;
    return this.#keep(attachUsdt(this.kernel, this.program(program), probe, this.collection.maps));
  }

  /** Runs a program on samples of a counter, on every CPU unless told otherwise. */
  attachPerfEvent(options: PerfEventOptions & OfProgram): Link {
    const { program, ...event } = options;
    return this.#keep(attachPerfEvent(this.kernel, this.program(program), event));
  }

  /** Runs an XDP program on every packet that an interface receives; close the link to remove it. */
  attachXdp(options: XdpOptions & OfProgram): Link {
    const { program, ...place } = options;
    return this.#keep(attachXdp(this.kernel, this.program(program), place));
  }

  /** Runs a classifier on every packet that enters or leaves an interface. */
  attachTrafficControl(options: TrafficControlOptions & OfProgram): Link {
    const { program, ...place } = options;
    return this.#keep(attachTrafficControl(this.kernel, this.program(program), place));
  }

  /** Runs a program of `SEC("netkit/primary")` or `SEC("netkit/peer")` on every packet of a netkit device; Linux 6.7. */
  attachNetkit(options: NetkitOptions & OfProgram): Link {
    const { program, ...place } = options;
    return this.#keep(attachNetkit(this.kernel, this.program(program), place));
  }

  /** Runs a program of `SEC("netfilter")` at a hook of netfilter; Linux 6.4. */
  attachNetfilter(options: NetfilterOptions & OfProgram): Link {
    const { program, ...place } = options;
    return this.#keep(attachNetfilter(this.kernel, this.program(program), place));
  }

  /** Runs a program on what processes of a cgroup do. */
  attachCgroup(options: CgroupOptions & OfProgram): Link {
    const { program, ...place } = options;
    return this.#keep(attachCgroup(this.kernel, this.program(program), place));
  }

  /** Runs a flow dissector or socket lookup in a network namespace, this process's own unless its file is given. */
  attachNetworkNamespace(options: { readonly path?: string } & OfProgram): Link {
    const { program, ...place } = options;
    return this.#keep(attachNetworkNamespace(this.kernel, this.program(program), place));
  }

  /** Filters what a socket of this process receives, given its descriptor. */
  attachSocketFilter(options: { readonly socket: number } & OfProgram): Link {
    return this.#keep(attachSocketFilter(this.kernel, this.program(options.program), options.socket));
  }

  /** Lets a program choose among the sockets of a SO_REUSEPORT group, given the descriptor of one; it goes with them. */
  attachReuseport(options: { readonly socket: number } & OfProgram): Link {
    return this.#keep(attachReuseport(this.kernel, this.program(options.program), options.socket));
  }

  /** Opens a packet socket on an interface, filtered by a program (BCC's attach_raw_socket). */
  attachRawSocket(options: { readonly interface: string } & OfProgram): PacketSocket {
    const socket = openPacketSocket(this.kernel, this.program(options.program), options.interface);
    this.#keep(socket);
    return socket;
  }

  /** Runs a program on what the sockets in a map receive or send. */
  attachSocketMap(options: { readonly map: string } & SocketMapOptions & OfProgram): Link {
    const { map: name, program, ...how } = options;
    const map = this.collection.maps.get(name);
    if (map === undefined) throw new UsageError(`the program has no map ${name}`);
    return this.#keep(attachSocketMap(this.kernel, this.program(program), map, how));
  }

  /** Gives the kernel a struct of functions, a variable of SEC(".struct_ops"); close the link to take it back. */
  attachStructOps(options: { readonly map: string }): Link {
    const map = this.collection.maps.get(options.map);
    if (map === undefined) throw new UsageError(`the program has no map ${options.map}`);
    return this.#keep(attachStructOps(this.kernel, map));
  }

  /** Attaches an iterator; its `read()` runs it and gives what it prints. */
  attachIterator(options: IteratorOptions & OfProgram): IteratorLink {
    const { program, ...walk } = options;
    const link = attachIterator(this.kernel, this.program(program), walk);
    this.#keep(link);
    return link;
  }

  /** Whether a kprobe could be put on a function of this name. */
  hasKprobeFunction(name: string): boolean {
    return canKprobe(this.kernel, name);
  }

  /** The kernel function of a system call: `execve` -> `__x64_sys_execve`. */
  syscallFunction(name: string): string {
    return syscallFunction(this.kernel, name);
  }

  /** Keeps a link until everything is detached. */
  addLink(link: Link): void {
    this.#links.push(link);
  }

  /** Detaches everything, newest first; a second call does nothing. */
  detach(): void {
    for (const link of this.#links.splice(0).reverse()) link.close();
  }

  #keep(link: Link): Link {
    this.#links.push(link);
    return link;
  }
}
