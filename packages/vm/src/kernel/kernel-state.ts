/** What the facets of the simulated kernel share: the simulation, the BPF machine and the open files. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { PerfSink, TailCallTarget } from "../maps/map.ts";
import { Machine } from "../program/machine.ts";
import type { Engine } from "../program/program.ts";
import { DescriptorTable, type Openable } from "./descriptors.ts";
import { BtfFile, MapFile, PerfEventFile, ProgramFile } from "./open-files.ts";
import type { Simulation } from "./simulation.ts";

/** A class of open file. */
type FileClass<File extends Openable> = abstract new (...args: never[]) => File;

/** State of one simulated kernel. */
export class KernelState {
  readonly simulation: Simulation;
  readonly machine: Machine;
  readonly engine: Engine;
  readonly descriptors = new DescriptorTable();
  #nextPerfEventId = 1;

  constructor(simulation: Simulation, engine: Engine) {
    this.simulation = simulation;
    this.engine = engine;
    this.machine = new Machine(simulation.world, {
      perfSink: (fd) => this.perfSink(fd),
      tailCallTarget: (fd) => this.tailCallTarget(fd),
      hold: (fd) => this.#hold(fd),
    });
  }

  takePerfEventId(): number {
    return this.#nextPerfEventId++;
  }

  /** @throws SyscallError EBADF for a closed descriptor, EINVAL for one of another kind. */
  map(fd: number, command: string): MapFile {
    return this.#file(fd, MapFile, command, Errno.EINVAL);
  }

  /** @throws SyscallError EBADF, EINVAL */
  program(fd: number, command: string): ProgramFile {
    return this.#file(fd, ProgramFile, command, Errno.EINVAL);
  }

  /** @throws SyscallError EBADF, EINVAL */
  btf(fd: number, command: string): BtfFile {
    return this.#file(fd, BtfFile, command, Errno.EINVAL);
  }

  /** @throws SyscallError EBADF; ioctls of another file answer ENOTTY. */
  perfEvent(fd: number, command: string): PerfEventFile {
    const NotATypewriter = 25;
    return this.#file(fd, PerfEventFile, command, NotATypewriter);
  }

  /** The BPF-output event behind a descriptor, for perf event arrays. */
  perfSink(fd: number): PerfSink | undefined {
    const file = this.descriptors.get(fd);
    return file instanceof PerfEventFile && file.source.kind === "bpf-output" ? file : undefined;
  }

  /** The program behind a descriptor, for program arrays. */
  tailCallTarget(fd: number): TailCallTarget | undefined {
    const file = this.descriptors.get(fd);
    return file instanceof ProgramFile ? file.program : undefined;
  }

  /** Map elements keep programs and events alive after their descriptors are closed. */
  #hold(fd: number): () => void {
    const file = this.descriptors.get(fd);
    if (file === undefined) return () => undefined;
    this.descriptors.retain(file);
    return () => this.descriptors.drop(file);
  }

  #file<File extends Openable>(fd: number, kind: FileClass<File>, command: string, errno: number): File {
    const file = this.descriptors.get(fd);
    if (file === undefined) throw new SyscallError(command, Errno.EBADF);
    if (!(file instanceof kind))
      throw new SyscallError(command, errno, { detail: `descriptor ${fd} is a ${file.kind}` });
    return file;
  }
}
