/** BPF_PROG_* and BPF_RAW_TRACEPOINT_OPEN commands of the simulated kernel. */
import { Errno, ProgramType } from "@bpfkit/base/abi";
import { NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type {
  Fd,
  ProgramLoadAttributes,
  ProgramTestRunOptions,
  ProgramTestRunResult,
} from "@bpfkit/base/kernel";
import type { SourceLine } from "../program/fault.ts";
import type { KernelState } from "./kernel-state.ts";
import { sourceLines } from "./line-info.ts";
import { checkObjectName } from "./object-name.ts";
import { LinkFile, MapFile, ProgramFile } from "./open-files.ts";
import type { AttachedProgram } from "./probe-table.ts";
import { tracingTarget } from "./tracing-target.ts";

/** BPF_COMPLEXITY_LIMIT_INSNS: more slots than this are E2BIG. */
const LargestProgram = 1_000_000;

/** Licences are copied into a buffer of this size, the final zero included. */
const LicenceSize = 128;

/** The highest program type of Linux 6.1, BPF_PROG_TYPE_SYSCALL. */
const LastProgramType = 31;

const TestRunContextSize = 12 * 8;

/** Program and link commands. */
export class ProgramCalls {
  readonly #state: KernelState;

  constructor(state: KernelState) {
    this.#state = state;
  }

  load(attributes: ProgramLoadAttributes): Fd {
    const command = "BPF_PROG_LOAD";
    const { type, name, instructions, license } = attributes;
    checkObjectName(name, command);
    if (type < 0 || type > LastProgramType)
      throw new SyscallError(command, Errno.EINVAL, { detail: `program type ${type}` });
    const slots = instructions.length / 8;
    if (!Number.isInteger(slots))
      throw new SyscallError(command, Errno.EINVAL, { detail: "instructions are cut off" });
    if (slots === 0 || slots > LargestProgram) throw new SyscallError(command, Errno.E2BIG);
    const { machine, descriptors, engine, simulation } = this.#state;
    const target = tracingTarget(simulation.world, attributes);
    const sourceLine = this.#sourceLines(attributes);
    const program = machine.loadProgram({
      name,
      type,
      instructions,
      license: license.slice(0, LicenceSize - 1),
      engine,
      mapByFd: (fd) => {
        const file = descriptors.get(fd);
        return file instanceof MapFile ? file.map : undefined;
      },
      ...(sourceLine === undefined ? {} : { sourceLine }),
    });
    const held = this.#retainMaps(attributes.instructions);
    return descriptors.open(
      new ProgramFile(program, target, () => {
        for (const map of held) descriptors.drop(map);
      }),
      command,
    );
  }

  testRun(fd: Fd, options: ProgramTestRunOptions): ProgramTestRunResult {
    const command = "BPF_PROG_TEST_RUN";
    const { program } = this.#state.program(fd, command);
    const isPacket = [
      ProgramType.SocketFilter,
      ProgramType.SchedCls,
      ProgramType.SchedAct,
      ProgramType.Xdp,
    ].some((type) => type === program.type);
    if (isPacket) throw new NotSupportedError("test runs of packet programs in the simulated kernel");
    const isRaw = program.type === ProgramType.RawTracepoint;
    if (!isRaw && program.type !== ProgramType.Syscall) throw new SyscallError(command, Errno.ENOTSUPP);
    if (options.data !== undefined) throw new SyscallError(command, Errno.EINVAL);
    const context = options.context ?? new Uint8Array(0);
    if (isRaw && context.length > TestRunContextSize) throw new SyscallError(command, Errno.E2BIG);
    const { memory } = this.#state.simulation.world;
    // Raw tracepoint programs may look at twelve arguments, given or not.
    const size = isRaw ? TestRunContextSize : Math.max(context.length, 8);
    const offset = memory.allocateOffset(size, 64, "program");
    try {
      memory.u8.set(context, offset);
      memory.grant(offset, size, isRaw ? "read" : "write");
      let returnValue = 0;
      const repeat = Math.max(1, options.repeat ?? 1);
      for (let run = 0; run < repeat; run++) returnValue = program.runAt(offset) >>> 0;
      const after = memory.u8.slice(offset, offset + context.length);
      return { returnValue, context: after, data: new Uint8Array(0) };
    } finally {
      memory.releaseOffset(offset);
    }
  }

  /** BPF_RAW_TRACEPOINT_OPEN: raw tracepoints by name, tracing programs by what they were loaded for. */
  rawTracepointOpen(name: string, fd: Fd): Fd {
    const command = "BPF_RAW_TRACEPOINT_OPEN";
    const file = this.#state.program(fd, command);
    const { world } = this.#state.simulation;
    const { target, program } = file;
    const attached: AttachedProgram = { program, cookie: 0n, silent: false };
    let detach: () => void;
    if (program.type === ProgramType.Tracing && target !== undefined) {
      if (name !== "") throw new SyscallError(command, Errno.EINVAL);
      detach =
        target.kind === "function"
          ? world.probes.attachToFunction(target.name, target.place, attached)
          : world.probes.attachToRawTracepoint(target.name, attached);
    } else if (
      program.type === ProgramType.RawTracepoint ||
      program.type === ProgramType.RawTracepointWritable
    ) {
      if (!world.tracepoints.hasRaw(name)) throw new SyscallError(command, Errno.ENOENT, { detail: name });
      detach = world.probes.attachToRawTracepoint(name, attached);
    } else {
      throw new SyscallError(command, Errno.EINVAL, { detail: "the program is of another type" });
    }
    const { descriptors } = this.#state;
    descriptors.retain(file);
    const link = new LinkFile(() => {
      detach();
      descriptors.drop(file);
    });
    return descriptors.open(link, command);
  }

  /** A program keeps its maps alive after their descriptors are closed. */
  #retainMaps(instructions: Uint8Array): MapFile[] {
    const { descriptors } = this.#state;
    const LoadImmediate = 0x18;
    const view = new DataView(instructions.buffer, instructions.byteOffset, instructions.length);
    const held = new Set<MapFile>();
    for (let at = 0; at + 8 <= instructions.length; at += 8) {
      if (instructions[at] !== LoadImmediate) continue;
      const pseudo = (instructions[at + 1] ?? 0) >> 4;
      const file = pseudo === 1 || pseudo === 2 ? descriptors.get(view.getInt32(at + 4, true)) : undefined;
      if (file instanceof MapFile) held.add(file);
      at += 8;
    }
    for (const map of held) descriptors.retain(map);
    return [...held];
  }

  #sourceLines(attributes: ProgramLoadAttributes): ((slot: number) => SourceLine | undefined) | undefined {
    const { btf, lineInfo } = attributes;
    if (lineInfo === undefined || lineInfo.length === 0) return undefined;
    if (btf === undefined) throw new SyscallError("BPF_PROG_LOAD", Errno.EBADF);
    return sourceLines(this.#state.btf(btf, "BPF_PROG_LOAD").table, lineInfo);
  }
}
