/** The simulated processor's state: memory, stacks, the map and program registries, and the block engines share. */
import { createMap } from "../maps/create.ts";
import type { BpfMap, MapDefinition, MapHost, PerfSink, TailCallTarget } from "../maps/map.ts";
import type { RingBufferMap } from "../maps/ring-buffer.ts";
import type { AddressSpace } from "../memory/address-space.ts";
import { MEMORY_BASE_HIGH, MEMORY_BASE_LOW } from "../memory/layout.ts";
import type { World } from "../world.ts";
import { ControlBlock, FRAME_STRIDE, STACK_FRAMES } from "./control-block.ts";
import { ProgramFault } from "./fault.ts";
import { FRAME_BYTES } from "./image.ts";
import { loadProgram } from "./load.ts";
import type { LoadedProgram, ProgramDefinition } from "./program.ts";
import type { RunnableProgram } from "./runnable-program.ts";

/** MAX_TAIL_CALL_CNT. */
const TAIL_CALL_LIMIT = 33;

/** Lines that one run may print: more than a loop of a million instructions, the verifier's limit, ever does. */
const MOST_LINES = 1 << 18;

/** How the machine turns descriptors stored into maps into objects. The simulated kernel gives it. */
export interface DescriptorLookup {
  perfSink(fd: number): PerfSink | undefined;
  tailCallTarget(fd: number): TailCallTarget | undefined;
  /** See {@link MapHost.hold}; without it, closing a descriptor leaves the map element as it is. */
  hold?(fd: number): () => void;
}

/** Maps and programs of one simulated kernel, and what it takes to run the programs. */
export class Machine implements MapHost {
  readonly world: World;
  readonly memory: AddressSpace;
  readonly cpuCount: number;
  /** Offset of the control block in linear memory. */
  readonly control: number;
  /** Ring buffer records reserved and not committed in the current run: offset of the data -> ring. */
  readonly reservations = new Map<number, RingBufferMap>();
  readonly #descriptors: DescriptorLookup;
  readonly #maps: (BpfMap | undefined)[] = [undefined];
  readonly #firstFrame: number;
  readonly #lastFrame: number;
  #programCount = 0;
  #current: RunnableProgram | undefined;
  #depth = 0;
  #tailCalls = 0;
  #printedLines = 0;

  constructor(world: World, descriptors: DescriptorLookup) {
    this.world = world;
    this.memory = world.memory;
    this.cpuCount = world.cpuCount;
    this.#descriptors = descriptors;
    this.control = this.memory.allocateOffset(ControlBlock.Bytes, 64, "kernel");
    const stack = this.memory.allocateOffset(STACK_FRAMES * FRAME_STRIDE, 64, "program");
    for (let i = 0; i < STACK_FRAMES; i++) this.memory.grant(stack + i * FRAME_STRIDE, FRAME_BYTES, "write");
    this.#firstFrame = stack + FRAME_BYTES;
    this.#lastFrame = this.#firstFrame + (STACK_FRAMES - 1) * FRAME_STRIDE;
  }

  /** BPF_MAP_CREATE. @throws SyscallError with the errno of the kernel. */
  createMap(definition: MapDefinition): BpfMap {
    const map = createMap(definition, this.#maps.length, this);
    this.#maps.push(map);
    return map;
  }

  /** Ends a map; its id is not used again. */
  destroyMap(map: BpfMap): void {
    this.#maps[map.id] = undefined;
    map.destroy();
  }

  /**
   * BPF_PROG_LOAD.
   * @throws SyscallError whose cause is a VerifierRejection, or BpfkitError VM020.. where the VM lacks something
   */
  loadProgram(definition: ProgramDefinition): LoadedProgram {
    this.#programCount++;
    return loadProgram(this, this.#programCount, definition);
  }

  /** The live map with an id. */
  map(id: number): BpfMap | undefined {
    return this.#maps[id];
  }

  currentCpu(): number {
    return this.world.currentCpu();
  }
  random32(): number {
    return this.world.random32();
  }
  perfSink(fd: number): PerfSink | undefined {
    return this.#descriptors.perfSink(fd);
  }
  tailCallTarget(fd: number): TailCallTarget | undefined {
    return this.#descriptors.tailCallTarget(fd);
  }
  hold(fd: number): () => void {
    return this.#descriptors.hold?.(fd) ?? (() => undefined);
  }
  notifyReadable(mapId: number): void {
    this.world.notifyReadable(mapId);
  }

  /** Leaves the 64-bit result of a helper where both engines take it from. */
  setWideResult(low: number, high: number): void {
    const at = (this.control + ControlBlock.Result) >>> 2;
    this.memory.i32[at] = low;
    this.memory.i32[at + 1] = high;
  }

  /** {@link setWideResult} for a non-negative safe integer. */
  setWideNumber(value: number): void {
    this.setWideResult((value % 0x1_0000_0000) | 0, Math.floor(value / 0x1_0000_0000));
  }

  /** {@link setWideResult} for a bigint. */
  setWideBigint(value: bigint): void {
    this.memory.view.setBigInt64(this.control + ControlBlock.Result, BigInt.asIntN(64, value), true);
  }

  /** The 64-bit result of the last run, function or wide helper, as unsigned number. */
  wideResult(): bigint {
    return this.memory.view.getBigUint64(this.control + ControlBlock.Result, true);
  }

  /** Low 32 bits of {@link wideResult}, signed. */
  lowResult(): number {
    return this.memory.i32[(this.control + ControlBlock.Result) >>> 2] as number;
  }

  /** Argument r1 + `index` for the next {@link invoke}. */
  setArgument(index: number, low: number, high: number): void {
    const at = (this.control + ControlBlock.Arguments + index * 8) >>> 2;
    this.memory.i32[at] = low;
    this.memory.i32[at + 1] = high;
  }

  /** {@link setArgument} with the guest address of an offset, 0 for NULL. */
  setPointerArgument(index: number, offset: number): void {
    // The memory is smaller than what is left above MEMORY_BASE_LOW, so the upper word never changes.
    if (offset === 0) this.setArgument(index, 0, 0);
    else this.setArgument(index, offset + MEMORY_BASE_LOW, MEMORY_BASE_HIGH);
  }

  /** End of the frame of the function whose helper runs. Ask before the first {@link invoke}: callbacks change it. */
  callerFrame(): number {
    return this.memory.i32[(this.control + ControlBlock.Frame) >>> 2] as number;
  }

  /** Calls function `fn` of the running program with the arguments set before; the low word of its r0. */
  invoke(fn: number, callerFrame: number): number {
    this.burn();
    this.#running().executable.enter(fn, callerFrame + FRAME_STRIDE);
    return this.memory.i32[(this.control + ControlBlock.Result) >>> 2] as number;
  }

  /** Is `fn` a function of the running program? */
  isFunction(fn: number): boolean {
    return fn >= 0 && fn < this.#running().functionCount;
  }

  /** Runs another program in the place of the running function; false when the limit of tail calls is reached. */
  tailCall(target: RunnableProgram, contextOffset: number): boolean {
    const frame = this.callerFrame();
    if (this.#tailCalls >= TAIL_CALL_LIMIT) return false;
    this.#tailCalls++;
    this.burn();
    this.#enter(target, contextOffset, frame);
    return true;
  }

  /** Runs a program from outside, also while another one runs (from a helper's side effect). */
  run(program: RunnableProgram, contextOffset: number): void {
    const at = this.control >>> 2;
    const words = this.memory.i32;
    const fuel = words[at + ControlBlock.Fuel / 4] as number;
    const slot = words[at + ControlBlock.Slot / 4] as number;
    const outerFrame = words[at + ControlBlock.Frame / 4] as number;
    const tailCalls = this.#tailCalls;
    const frame = this.#depth === 0 ? this.#firstFrame : outerFrame + 8 * FRAME_STRIDE;
    this.#depth++;
    this.#tailCalls = 0;
    if (this.#depth === 1) this.#printedLines = 0;
    words[at + ControlBlock.Fuel / 4] = program.fuel;
    try {
      this.#enter(program, contextOffset, frame);
      if (this.#depth === 1 && this.reservations.size > 0) this.#refuseLeaks(program);
    } finally {
      this.#depth--;
      this.#tailCalls = tailCalls;
      // The memory may have grown meanwhile: look it up again.
      const after = this.memory.i32;
      after[at + ControlBlock.Fuel / 4] = fuel;
      after[at + ControlBlock.Slot / 4] = slot;
      after[at + ControlBlock.Frame / 4] = outerFrame;
      if (this.#depth === 0 && this.reservations.size > 0) this.#dropReservations();
    }
  }

  /** Takes one unit of fuel; ends the run when there is none. */
  burn(): void {
    const at = this.control >>> 2;
    const left = (this.memory.i32[at] as number) - 1;
    this.memory.i32[at] = left;
    if (left < 0) this.outOfFuel(this.currentSlot());
  }

  /** Prints a line. Lines cost far more than jumps: a program that prints without end shall end in seconds, too. */
  printLine(line: string): void {
    this.#printedLines++;
    if (this.#printedLines > MOST_LINES) {
      this.fault(this.currentSlot(), "VM011", `the program did not end after ${MOST_LINES} lines of output`);
    }
    this.world.tracePrint(line);
  }

  /** Slot of the helper call in progress. */
  currentSlot(): number {
    return this.memory.i32[(this.control + ControlBlock.Slot) >>> 2] as number;
  }

  /** Ends the run: the instruction at the current slot asked a helper for something a verifier would not allow. */
  faultInHelper(message: string): never {
    const slot = this.currentSlot();
    return this.fault(slot, "VM012", `bpf_${this.#running().helperName(slot)}: ${message}`);
  }

  /** Ends the run because it made too many backward jumps and calls. */
  outOfFuel(slot: number): never {
    const { fuel } = this.#running();
    return this.fault(slot, "VM011", `the program did not end after ${fuel} backward jumps and calls`);
  }

  /** Ends the run: a call by register names a helper that does not exist. */
  noHelper(id: number, slot: number): never {
    return this.fault(slot, "VM012", `there is no helper ${id}`);
  }

  /** Ends the run at a slot. */
  fault(slot: number, code: string, message: string): never {
    const program = this.#running();
    const source = program.sourceLine(slot);
    const place = { program: program.name, slot };
    throw new ProgramFault(code, message, source === undefined ? place : { ...place, source });
  }

  #running(): RunnableProgram {
    if (this.#current === undefined) throw new Error("no program is running");
    return this.#current;
  }

  #enter(program: RunnableProgram, contextOffset: number, frame: number): void {
    const outer = this.#current;
    this.#current = program;
    try {
      if (frame + 8 * FRAME_STRIDE > this.#lastFrame) {
        this.fault(0, "VM013", "too many programs are running inside each other");
      }
      const at = (this.control + ControlBlock.Arguments) >>> 2;
      this.memory.i32.fill(0, at + 2, at + 10);
      this.setPointerArgument(0, contextOffset);
      program.executable.enter(0, frame);
    } finally {
      this.#current = outer;
    }
  }

  #refuseLeaks(program: RunnableProgram): never {
    throw new ProgramFault(
      "VM014",
      `Unreleased reference: ${this.reservations.size} ring buffer record(s) were reserved but neither submitted nor discarded`,
      { program: program.name, slot: program.slotCount - 1 },
    );
  }

  #dropReservations(): void {
    for (const [sample, ring] of this.reservations) ring.commit(sample, true, 1);
    this.reservations.clear();
  }
}
