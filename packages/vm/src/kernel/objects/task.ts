/** A simulated task (a process with one thread): what the workload knows of it, and its kernel structs once someone looks. */
import type { UserSpace } from "../../memory/user-space.ts";
import type { TaskView } from "../../world.ts";
import type { FileNode } from "./file-tree.ts";
import type { KernelObject } from "./kernel-object.ts";
import type { TaskStructs } from "./task-structs.ts";
import type { UserImage } from "./user-image.ts";

/** PF_EXITING. */
export const ExitingFlag = 4;

/** Bytes of `comm`, the final zero included. */
const CommSize = 16;

const encoder = new TextEncoder();

/** What a task is when it is made. */
export interface TaskDescription {
  readonly pid: number;
  readonly comm: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly parent?: Task;
  /** Kernel threads have no user memory. */
  readonly kernelThread?: boolean;
  /** CPU to start on. */
  readonly cpu?: number;
  /** It may run on that CPU only. */
  readonly pinned?: boolean;
  /** Inode number of a pid namespace below the initial one, for tasks in a container. */
  readonly pidNamespace?: number;
  /** Name of the program's file; that of the task where absent. */
  readonly program?: string;
}

/** One call on a task's kernel stack. */
export interface Frame {
  readonly name: string;
  /** Arguments as registers, computed when a probe first asks. */
  readonly args: () => readonly bigint[];
  /** A return probe was there when the call began. */
  readonly returnProbed: boolean;
}

/** A file that a task has open. */
export interface OpenFile {
  readonly node: FileNode;
  /** As open(2). */
  readonly flags: number;
  /** Its `struct file`, once a probe has looked. */
  struct: KernelObject | undefined;
}

/** Where a task is with respect to its CPU. */
export type TaskState = "running" | "runnable" | "sleeping" | "blocked" | "dead";

/** A task. Lives from fork to exit; tasks of one thread only. */
export class Task implements TaskView {
  readonly pid: number;
  readonly tgid: number;
  readonly uid: number;
  readonly gid: number;
  readonly parent: Task;
  readonly kernelThread: boolean;
  readonly startNs: number;
  readonly pinned: boolean;
  readonly pidNamespace: number | undefined;
  readonly cgroupId = 1n;
  /** Name of the binary, for user stacks. */
  program: string;
  /** Functions of its program that are running in user mode, outermost first. */
  userFrames: readonly string[] = ["main", "work"];
  /** Last CPU it ran on. */
  cpu: number;
  state: TaskState = "sleeping";
  /** User memory; undefined for kernel threads and after exit. */
  image: UserImage | undefined;
  /** Calls in progress, outermost first. */
  readonly frames: Frame[] = [];
  /** The system call in progress, for the side of it that a new child sees. */
  systemCall: { readonly name: string; readonly registers: () => readonly bigint[] } | undefined;
  /** do_exit() has begun. */
  exiting = false;
  /** It is inside schedule(). */
  inSchedule = false;
  /** `task->exit_code`: the status in bits 8 to 15. */
  #exitCode = 0;
  /** Called when it exits. */
  readonly exitListeners: (() => void)[] = [];
  /** Open files by descriptor. */
  readonly files = new Map<number, OpenFile>();
  /** Address of its kernel stack; 0n until the struct is laid out. */
  kernelStack = 0n;
  #comm = new Uint8Array(CommSize);
  #commText = "";
  #struct: KernelObject | undefined;
  readonly #structs: () => TaskStructs;

  constructor(structs: () => TaskStructs, description: TaskDescription, startNs: number) {
    this.#structs = structs;
    this.pid = description.pid;
    this.tgid = description.pid;
    this.uid = description.uid ?? 0;
    this.gid = description.gid ?? this.uid;
    this.parent = description.parent ?? this;
    this.kernelThread = description.kernelThread ?? false;
    this.cpu = description.cpu ?? 0;
    this.program = description.program ?? description.comm;
    this.startNs = startNs;
    this.pinned = description.pinned ?? false;
    this.pidNamespace = description.pidNamespace;
    this.comm = description.comm;
  }

  /** The name as bytes, for {@link TaskView}. */
  get comm(): Uint8Array {
    return this.#comm;
  }

  set comm(name: string | Uint8Array) {
    const bytes = typeof name === "string" ? encoder.encode(name) : name;
    const comm = new Uint8Array(CommSize);
    comm.set(bytes.subarray(0, CommSize - 1));
    this.#comm = comm;
    this.#commText = new TextDecoder().decode(comm.subarray(0, comm.indexOf(0)));
    this.#struct?.set({ comm });
  }

  get name(): string {
    return this.#commText;
  }

  /** Address of its `task_struct`, which is laid out when this is first asked. */
  get address(): bigint {
    return this.struct.address;
  }

  /** Its `task_struct`. */
  get struct(): KernelObject {
    this.#struct ??= this.#structs().layOut(this);
    return this.#struct;
  }

  /** Its `task_struct` if anyone has looked at it, to keep it up to date. */
  get structIfLaidOut(): KernelObject | undefined {
    return this.#struct;
  }

  get exitCode(): number {
    return this.#exitCode;
  }

  /** It is on its way out: sets the code and PF_EXITING. */
  beginExit(code: number): void {
    this.#exitCode = code;
    this.exiting = true;
    this.#struct?.set({ exit_code: code, flags: ExitingFlag });
  }

  /** It has exited. */
  get isDead(): boolean {
    return this.state === "dead";
  }

  /** The pages of {@link image}. */
  get user(): UserSpace | undefined {
    return this.image?.space;
  }

  /** Another program takes the place of this one, with its arguments where `mm->arg_start` says. */
  replaceImage(image: UserImage, argv: readonly string[], environment: readonly string[]): void {
    this.releaseUserMemory();
    this.image = image;
    image.storeArguments(argv, environment);
    if (this.#struct === undefined) return;
    const mm = this.#structs().layOutMemory(this, this.#struct);
    this.#struct.set({ mm, active_mm: mm });
  }

  /** Gives the user memory back, at exit and when another program is executed. */
  releaseUserMemory(): void {
    this.image?.space.release();
    this.image = undefined;
  }
}
