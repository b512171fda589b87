/** The running machine: CPUs, tasks, time and attached programs; what programs observe through the World port. */
import type { KernelProfile } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import { AddressSpace } from "../memory/address-space.ts";
import type { Attachment, TaskView, World } from "../world.ts";
import { SimulatedClock } from "./clock.ts";
import { Cpu } from "./cpu.ts";
import { EventQueue } from "./event-queue.ts";
import { KernelSymbols } from "./kallsyms.ts";
import { Disk, type DiskDescription } from "./objects/block-structs.ts";
import { FileTree } from "./objects/file-tree.ts";
import { KernelObjects } from "./objects/kernel-object.ts";
import { StructLayouts } from "./objects/struct-layout.ts";
import { Task, type TaskDescription } from "./objects/task.ts";
import { TaskStructs } from "./objects/task-structs.ts";
import { type TcpEndpoints, TcpSocket, type TcpStateName } from "./objects/tcp-socket.ts";
import { LibraryStart, UserPrograms } from "./objects/user-code.ts";
import { UserImage } from "./objects/user-image.ts";
import { type AttachedProgram, ProbeTable } from "./probe-table.ts";
import { SeededRandom } from "./random.ts";
import { TraceBuffer, traceLine } from "./trace-buffer.ts";
import { TracepointTable } from "./tracepoints.ts";

/** Deepest call chain that stacks report, as PERF_MAX_STACK_DEPTH. */
const DeepestStack = 127;

/** What every idle CPU is doing. */
const IdleFrames = ["secondary_startup_64_no_verify", "start_secondary", "cpu_startup_entry", "do_idle"];

/** How a simulated machine is made. */
export interface WorldOptions {
  readonly profile: KernelProfile;
  readonly btf?: BtfTable;
  readonly cpuCount: number;
  readonly seed: number;
}

/** What runs now: where the innermost frame is, for stacks and bpf_get_func_ip. */
type Position = "function entry" | "inside";

/** State of the simulated machine. Behaviour is in the scheduler, the probe runner and the kernel paths. */
export class SimulatedWorld implements World {
  readonly profile: KernelProfile;
  readonly memory = new AddressSpace();
  readonly clock = new SimulatedClock();
  readonly queue = new EventQueue();
  readonly probes = new ProbeTable();
  readonly trace = new TraceBuffer();
  readonly tracepoints: TracepointTable;
  readonly symbols: KernelSymbols;
  readonly layouts: StructLayouts;
  readonly objects: KernelObjects;
  readonly files: FileTree;
  readonly disks = new Map<string, Disk>();
  readonly userPrograms = new UserPrograms();
  readonly tasks = new Map<number, Task>();
  readonly cpus: readonly Cpu[];
  /** Faults of programs since the last wait; each ended its program. */
  readonly faults: unknown[] = [];
  /** The CPU whose code is being simulated. */
  cpu: Cpu;
  /** Where in the innermost function the current probe is. */
  position: Position = "inside";
  /** Flags column for trace_pipe while a program runs. */
  traceFlags = "...1.";
  /** Something may have become readable since this was last cleared. */
  woken = false;
  readonly #random: SeededRandom;
  readonly #taskStructs: () => TaskStructs;
  #btf: BtfTable | undefined;
  #attachment: Attachment = { functionAddress: 0n, cookie: 0n };

  constructor(options: WorldOptions) {
    const { profile, cpuCount, seed } = options;
    this.profile = profile;
    this.#btf = options.btf;
    this.#random = new SeededRandom(seed);
    this.tracepoints = new TracepointTable(profile);
    this.symbols = new KernelSymbols(() => profile.probeableFunctions);
    this.layouts = new StructLayouts(() => this.btf);
    this.objects = new KernelObjects(this.memory, this.layouts);
    let structs: TaskStructs | undefined;
    this.#taskStructs = () => {
      structs ??= new TaskStructs(this.objects, { hostName: "bpfkit-vm", release: profile.release });
      return structs;
    };
    this.files = new FileTree(this.objects, () => this.#taskStructs().mountNamespace);
    this.cpus = Array.from({ length: cpuCount }, (_, index) => {
      const idle = this.#makeTask({ pid: 0, comm: `swapper/${index}`, kernelThread: true, cpu: index });
      for (const name of IdleFrames) idle.frames.push({ name, args: () => [], returnProbed: false });
      return new Cpu(index, idle, this.memory);
    });
    this.cpu = this.cpus[0]!;
  }

  /** The kernel's own types. */
  get btf(): BtfTable {
    this.#btf ??= BtfTable.decode(this.profile.btf, { name: "vmlinux" });
    return this.#btf;
  }

  get release(): string {
    return this.profile.release;
  }
  get cpuCount(): number {
    return this.cpus.length;
  }
  currentCpu(): number {
    return this.cpu.index;
  }
  monotonicNs(): number {
    return this.clock.nowNs;
  }
  bootNs(): number {
    return this.clock.nowNs;
  }
  taiNs(): number {
    return this.clock.taiNs;
  }
  jiffies(): number {
    return this.clock.jiffies;
  }
  random32(): number {
    return this.#random.next32();
  }
  currentTask(): TaskView {
    return this.cpu.current;
  }
  attachment(): Attachment {
    return this.#attachment;
  }

  kernelStack(): readonly bigint[] {
    const addresses: bigint[] = [];
    const { cpu } = this;
    const frames =
      cpu.interruptDepth > 0 ? [...cpu.current.frames, ...cpu.interruptFrames] : cpu.current.frames;
    for (let at = frames.length - 1; at >= 0 && addresses.length < DeepestStack; at--) {
      const name = frames[at]!.name;
      const isEntry = at === frames.length - 1 && this.position === "function entry";
      const address = isEntry ? this.symbols.addressOf(name) : this.symbols.returnAddressIn(name);
      if (address !== 0n) addresses.push(address);
    }
    return addresses;
  }

  userStack(): readonly bigint[] {
    const task = this.cpu.current;
    if (task.kernelThread) return [];
    const call = task.frames
      .find(({ name }) => name.startsWith("__x64_sys_"))
      ?.name.slice("__x64_sys_".length);
    const { library } = this.userPrograms;
    const program = this.userPrograms.program(task.program);
    return [
      ...(call === undefined ? [] : [library.addressIn(call)]),
      ...task.userFrames.map((name) => program.addressIn(name)).reverse(),
      library.addressIn(LibraryStart),
      program.addressIn("_start"),
    ].filter((address) => address !== 0n);
  }

  tracePrint(message: string): void {
    const { current, index } = this.cpu;
    // Idle tasks are all called <idle> in traces.
    const comm = current.pid === 0 ? "<idle>" : current.name;
    const line = { comm, pid: current.pid, cpu: index, timeNs: this.clock.nowNs, flags: this.traceFlags };
    this.trace.add(traceLine(line, message));
    this.woken = true;
  }

  notifyReadable(_mapId: number): void {
    this.woken = true;
  }

  /** Runs an attached program now. A fault silences the program and is kept for the next wait. */
  runProgram(attached: AttachedProgram, context: number, functionName: string | undefined): void {
    if (attached.silent) return;
    const functionAddress = functionName === undefined ? 0n : this.symbols.addressOf(functionName);
    this.#attachment = { functionAddress, cookie: attached.cookie };
    try {
      attached.program.runAt(context);
    } catch (error) {
      attached.silent = true;
      this.faults.push(error);
    }
  }

  /** Makes a CPU the one that is simulated, and its task's memory the one that user reads see. */
  enterCpu(cpu: Cpu): void {
    this.cpu = cpu;
    this.memory.user = cpu.current.user;
  }

  /** Makes a task and gives it user memory; it does nothing until the scheduler starts an activity of it. */
  createTask(description: TaskDescription): Task {
    const task = this.#makeTask(description);
    this.tasks.set(task.pid, task);
    return task;
  }

  task(pid: number): Task | undefined {
    return this.tasks.get(pid);
  }

  /** A socket in the machine's one network namespace. */
  createSocket(endpoints: TcpEndpoints, state: TcpStateName): TcpSocket {
    return new TcpSocket(this.objects, () => this.#taskStructs().networkNamespace, endpoints, state);
  }

  addDisk(description: DiskDescription): Disk {
    const disk = new Disk(this.objects, description);
    this.disks.set(disk.name, disk);
    return disk;
  }

  #makeTask(description: TaskDescription): Task {
    // The first processes are children of the idle task.
    const parent = description.parent ?? this.cpus?.[0]?.idle;
    const whole = parent === undefined ? description : { ...description, parent };
    const task = new Task(() => this.#taskStructs(), whole, this.clock.nowNs);
    if (!task.kernelThread) {
      task.image = new UserImage(this.memory);
      task.image.argumentBytes = description.comm.length + 1;
    }
    return task;
  }
}
