/** Makes events happen: function calls and tracepoints, with the contexts that attached programs get. */
import type { Cpu } from "./cpu.ts";
import type { Frame } from "./objects/task.ts";
import { UserStackPointer } from "./objects/user-image.ts";
import type { AttachedProgram, FunctionProbes } from "./probe-table.ts";
import { FunctionArguments, PtRegsSize, type Register, writePtRegs } from "./pt-regs.ts";
import type { SimulatedWorld } from "./simulated-world.ts";
import { type RecordValues, recordSize, writeRecord } from "./tracepoints.ts";

/** Arguments as registers hold them; computed only when a probe wants them, and once. */
export type Arguments = () => readonly bigint[];

const NoArguments: Arguments = () => [];

/**
 * Flags column of trace_pipe by kind of probe, as measured on Debian's 6.1.192: interrupts off, reschedule wanted,
 * kind of interrupt, preemption depth, migration depth.
 */
const TraceFlags = { kprobe: "...21", function: "...11", tracepoint: "...21", raw: "...2.", sample: "d.h1." };

/** The same inside the scheduler, which holds a run queue's lock, and in interrupts. */
const SchedulerFlags = { tracepoint: "d..41", raw: "d..4." };

/** Bytes per argument in the context of raw tracepoints and fentry programs. */
const ArgumentSize = 8;

/** Fires events on the world's current CPU. Without attached programs an event costs a map lookup. */
export class Tracer {
  readonly #world: SimulatedWorld;
  readonly #parameterCounts = new Map<string, number>();
  readonly #unprobed = new Map<string, Frame>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
  }

  /** A kernel function is entered: kprobes and fentry programs run. Every enter has its {@link leave}. */
  enter(name: string, args: Arguments = NoArguments): void {
    const { cpu, probes } = this.#world;
    const attached = probes.onFunction(name);
    if (attached === undefined) {
      cpu.frames.push(this.#unprobedFrame(name));
      return;
    }
    const values = remember(args);
    const returnProbed = attached.kretprobes.length + attached.fexit.length > 0;
    cpu.frames.push({ name, args: values, returnProbed });
    this.#runEntry(cpu, name, attached, values);
  }

  /** The innermost function returns `result`: kretprobes and fexit programs run. */
  leave(result: bigint | number = 0n): void {
    const { cpu, probes } = this.#world;
    const { frames } = cpu;
    const frame = frames.at(-1);
    if (frame === undefined) return;
    if (frame.returnProbed) {
      const attached = probes.onFunction(frame.name);
      if (attached !== undefined) {
        this.#runReturn(cpu, frame.name, attached, frame.args, BigInt.asUintN(64, BigInt(result)));
      }
    }
    frames.pop();
  }

  /** A call that takes no simulated time. `body` is what happens inside. */
  call(name: string, args: Arguments = NoArguments, body?: () => bigint | number | undefined): void {
    this.enter(name, args);
    this.leave(body?.() ?? 0n);
  }

  /** Does something below functions that only matter for stacks. */
  within(names: readonly string[], body: () => void): void {
    for (const name of names) this.enter(name);
    body();
    for (let left = names.length; left > 0; left--) this.leave();
  }

  /**
   * A tracepoint is hit. `name` is `CATEGORY/NAME`; `values` are its record's fields, `rawArguments` what the kernel
   * passes to it, for raw tracepoints.
   */
  tracepoint(name: string, values: () => RecordValues, rawArguments: Arguments = NoArguments): void {
    const { probes } = this.#world;
    const raw = probes.onRawTracepoint(name.slice(name.indexOf("/") + 1));
    const kinds = name === "sched/sched_switch" ? SchedulerFlags : TraceFlags;
    if (raw !== undefined && !name.startsWith("syscalls/")) {
      this.#setTraceFlags(kinds.raw);
      this.#runArray(raw, rawArguments(), 0, undefined);
    }
    const attached = probes.onTracepoint(name);
    if (attached !== undefined) {
      this.#setTraceFlags(kinds.tracepoint);
      this.#runRecord(attached, name, values());
    }
  }

  /** Does something in an interrupt on a CPU, on top of whatever runs there. */
  interrupt(cpu: Cpu, names: readonly string[], body: () => void): void {
    const world = this.#world;
    const before = world.cpu;
    world.enterCpu(cpu);
    cpu.interruptDepth++;
    this.within(names, body);
    cpu.interruptDepth--;
    world.enterCpu(before);
  }

  /** Runs perf_event programs: `registers` are those of the interrupted code. */
  sample(attached: AttachedProgram, periodNs: number): void {
    const world = this.#world;
    const { cpu } = world;
    const inKernel = cpu.current.frames.at(-1);
    const registers = cpu.registers;
    const ip =
      inKernel === undefined ? (world.userStack()[0] ?? 0n) : world.symbols.returnAddressIn(inKernel.name);
    const sp = inKernel === undefined ? UserStackPointer : world.memory.addressOf(cpu.probeStackEnd - 256);
    writePtRegs(world.memory, registers, inKernel === undefined ? "user" : "kernel", { ip, sp });
    world.memory.view.setBigUint64(registers + PtRegsSize, BigInt(periodNs), true);
    world.memory.view.setBigUint64(registers + PtRegsSize + 8, 0n, true);
    this.#setTraceFlags(cpu.current === cpu.idle ? "d.h2." : TraceFlags.sample);
    world.runProgram(attached, registers, undefined);
  }

  /** Number of parameters of a kernel function as BTF has it; 0 for one it does not have. */
  parameterCount(name: string): number {
    let count = this.#parameterCounts.get(name);
    if (count === undefined) {
      const { btf } = this.#world;
      const id = btf.find(name, "func");
      const type = id === undefined ? undefined : btf.type(id);
      const proto = type?.kind === "func" ? btf.type(type.type) : undefined;
      count = proto?.kind === "func_proto" ? proto.params.length : 0;
      this.#parameterCounts.set(name, count);
    }
    return count;
  }

  /** What trace_pipe lines of the programs about to run show; in a hard interrupt, interrupts are off. */
  #setTraceFlags(flags: string): void {
    const world = this.#world;
    world.traceFlags = world.cpu.interruptDepth > 0 ? `d.h${flags.slice(3)}` : flags;
  }

  /** Frames of functions that nobody probes are all alike: one for each name. */
  #unprobedFrame(name: string): Frame {
    let frame = this.#unprobed.get(name);
    if (frame === undefined) {
      frame = { name, args: NoArguments, returnProbed: false };
      this.#unprobed.set(name, frame);
    }
    return frame;
  }

  #runEntry(cpu: Cpu, name: string, attached: FunctionProbes, args: Arguments): void {
    const world = this.#world;
    world.position = "function entry";
    if (attached.kprobes.length > 0) {
      const values = args();
      this.#setTraceFlags(TraceFlags.kprobe);
      for (const program of attached.kprobes) {
        this.#writeRegisters(cpu, { ip: world.symbols.addressOf(name) }, values);
        world.runProgram(program, cpu.registers, name);
      }
    }
    if (attached.fentry.length > 0) {
      this.#setTraceFlags(TraceFlags.function);
      this.#runArray(attached.fentry, args(), this.parameterCount(name), name);
    }
    world.position = "inside";
  }

  #runReturn(cpu: Cpu, name: string, attached: FunctionProbes, args: Arguments, result: bigint): void {
    const world = this.#world;
    this.#setTraceFlags(TraceFlags.kprobe);
    for (const program of attached.kretprobes) {
      this.#writeRegisters(cpu, { ax: result, ip: world.symbols.addressOf("arch_rethook_trampoline") });
      world.runProgram(program, cpu.registers, name);
    }
    if (attached.fexit.length > 0) {
      this.#setTraceFlags(TraceFlags.function);
      const count = this.parameterCount(name);
      const values = Array.from({ length: count }, (_, index) => args()[index] ?? 0n);
      this.#runArray(attached.fexit, [...values, result], count + 1, name);
    }
  }

  /** Registers of kernel code on this CPU; `sp` points at a return address, as it does on entry of a function. */
  #writeRegisters(
    cpu: Cpu,
    registers: Readonly<Partial<Record<Register, bigint>>>,
    args: readonly bigint[] = [],
  ): void {
    const { memory, symbols } = this.#world;
    const { frames } = cpu;
    const at = cpu.probeStackEnd - 256 - 16 * Math.min(frames.length, 128);
    const caller = frames.at(-2);
    const returnAddress = caller === undefined ? 0n : symbols.returnAddressIn(caller.name);
    memory.view.setBigUint64(at, returnAddress, true);
    const stack = memory.addressOf(at);
    const all = { sp: stack, bp: stack + 64n, ...registers };
    writePtRegs(memory, cpu.registers, "kernel", all, FunctionArguments, args);
  }

  /** Runs programs whose context is an array of 64-bit arguments. */
  #runArray(
    programs: readonly AttachedProgram[],
    values: readonly bigint[],
    atLeast: number,
    functionName: string | undefined,
  ): void {
    const world = this.#world;
    const { cpu, memory } = world;
    const context = cpu.arguments;
    const count = Math.min(Math.max(values.length, atLeast), 13);
    for (let index = 0; index < count; index++) {
      const value = BigInt.asUintN(64, values[index] ?? 0n);
      memory.view.setBigUint64(context + index * ArgumentSize, value, true);
    }
    memory.grant(context, 13 * ArgumentSize, "none");
    memory.grant(context, count * ArgumentSize, "read");
    for (const program of programs) world.runProgram(program, context, functionName);
  }

  #runRecord(programs: readonly AttachedProgram[], name: string, values: RecordValues): void {
    const world = this.#world;
    const format = world.tracepoints.format(name);
    if (format === undefined) return;
    const { cpu, memory } = world;
    const context = cpu.record;
    const size = (recordSize(format, values) + 7) & ~7;
    // What was granted for the last record ends; its first eight bytes are the kernel's own.
    memory.grant(context, 8192, "none");
    memory.u8.fill(0, context, context + size);
    writeRecord(format, values, memory, context);
    this.#writeRegisters(cpu, {});
    memory.view.setBigUint64(context, memory.addressOf(cpu.registers), true);
    memory.grant(context + 8, size - 8, "read");
    for (const program of programs) world.runProgram(program, context, undefined);
  }
}

function remember(args: Arguments): Arguments {
  let values: readonly bigint[] | undefined;
  return () => {
    values ??= args();
    return values;
  };
}
