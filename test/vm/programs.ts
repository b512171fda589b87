/** Small hand-assembled programs for tests of kernels, and the loading and attaching of them. */
import { AttachType, MapType, ProgramType } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, PerfEventAttributes } from "@bpfkit/base/kernel";
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";
import * as assert from "uvu/assert";

/** What {@link load} may be told besides the text. */
export interface LoadOptions {
  readonly type?: number;
  readonly license?: string;
  readonly name?: string;
  readonly expectedAttachType?: number;
  readonly attachBtfId?: number;
}

/** Loads a program given as assembler text; kprobe type and GPL unless told otherwise. */
export function load(kernel: Kernel, text: string, options: LoadOptions = {}): Fd {
  const { type = ProgramType.Kprobe, license = "GPL", name = "test", expectedAttachType = 0 } = options;
  const instructions = encodeInstructions(assemble(text));
  const { attachBtfId } = options;
  const target = attachBtfId === undefined ? {} : { attachBtfId };
  return kernel.programLoad({
    type,
    license,
    name,
    expectedAttachType,
    instructions,
    logLevel: 1,
    ...target,
  });
}

/** An array map of u64 counters. */
export function counters(kernel: Kernel, entries = 1): Fd {
  return kernel.mapCreate({
    type: MapType.Array,
    keySize: 4,
    valueSize: 8,
    maxEntries: entries,
    flags: 0,
    name: "counters",
  });
}

/** Text that adds one to a counter. */
export function countText(map: Fd, index = 0): string {
  return `
    *(u32 *)(r10 -4) = ${index}
    r2 = r10
    r2 += -4
    r1 = map[fd:${map}]
    call bpf_map_lookup_elem
    if r0 == 0 goto done
    r1 = 1
    lock *(u64 *)(r0 +0) += r1
  done:
    r0 = 0
    exit`;
}

/** A counter's value. */
export function counter(kernel: Kernel, map: Fd, index = 0): number {
  const value = kernel.mapLookup(map, Uint8Array.of(index, 0, 0, 0));
  assert.ok(value);
  return Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true));
}

/** Attaches a program to a perf event source. */
export function attach(kernel: Kernel, attributes: PerfEventAttributes, program: Fd): Fd {
  const event = kernel.perfEventOpen(attributes, -1, 0);
  kernel.perfEventSetProgram(event, program);
  kernel.perfEventEnable(event);
  return event;
}

/** A kprobe at the start of a function. */
export function kprobe(name: string): PerfEventAttributes {
  return { kind: "kprobe", function: name, offset: 0 };
}

/** A kretprobe. */
export function kretprobe(name: string): PerfEventAttributes {
  return { kind: "kretprobe", function: name, offset: 0 };
}

/** A tracepoint by `CATEGORY/NAME`, its id read as tools do. */
export function tracepoint(kernel: Kernel, name: string): PerfEventAttributes {
  const text = new TextDecoder().decode(kernel.readKernelFile(`/sys/kernel/tracing/events/${name}/id`));
  return { kind: "tracepoint", id: Number(text) };
}

/** One perf ring per CPU behind a perf event array. */
export interface PerfBuffers {
  readonly map: Fd;
  readonly fds: readonly Fd[];
  /** Takes all records out, in order of CPU: the raw data of samples, and how many were lost. */
  drain(): { samples: Uint8Array[]; lost: number };
}

/** Opens a perf buffer on every CPU. */
export function perfBuffers(kernel: Kernel, pages = 16): PerfBuffers {
  const cpus = kernel.onlineCpus;
  const map = kernel.mapCreate({
    type: MapType.PerfEventArray,
    keySize: 4,
    valueSize: 4,
    maxEntries: cpus.length,
    flags: 0,
    name: "events",
  });
  const rings = cpus.map((cpu) => {
    const fd = kernel.perfEventOpen({ kind: "bpf-output", wakeupEvents: 1 }, -1, cpu);
    const ring = kernel.mapPerfRing(fd, pages);
    kernel.perfEventEnable(fd);
    kernel.mapUpdate(map, word(cpu), word(fd), 0);
    return { fd, ring };
  });
  return {
    map,
    fds: rings.map(({ fd }) => fd),
    drain() {
      const samples: Uint8Array[] = [];
      let lost = 0;
      for (const { ring } of rings) {
        const end = ring.readProducer();
        let at = ring.readConsumer();
        while (at < end) {
          const header = bytesOf(ring, at, 8);
          const [type, size] = [header.getUint32(0, true), header.getUint16(6, true)];
          const body = bytesOf(ring, at + 8, size - 8);
          if (type === 9) samples.push(new Uint8Array(body.buffer).slice(4, 4 + body.getUint32(0, true)));
          else lost += Number(body.getBigUint64(8, true));
          at += size;
        }
        ring.writeConsumer(at);
      }
      return { samples, lost };
    },
  };
}

function bytesOf(ring: { data(): Uint8Array; sizeBytes: number }, at: number, size: number): DataView {
  const data = ring.data();
  return new DataView(
    Uint8Array.from({ length: size }, (_, index) => data[(at + index) & (ring.sizeBytes - 1)]!).buffer,
  );
}

/** A u32 in little-endian bytes. */
export function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** Text at the end of a program: sends `size` bytes of the stack at r10 + `offset` to the current CPU's ring; r6 is ctx. */
export function outputText(map: Fd, offset: number, size: number): string {
  return `
    r1 = r6
    r2 = map[fd:${map}]
    r3 = 0xffffffff
    r4 = r10
    r4 += ${offset}
    r5 = ${size}
    call bpf_perf_event_output
    r0 = 0
    exit`;
}

/** Asserts that a call fails with an errno. */
export function assertErrno(errno: number, call: () => unknown, message?: string): SyscallError {
  try {
    call();
  } catch (error) {
    assert.instance(error, SyscallError, `${message ?? ""} ${String(error)}`);
    assert.is((error as SyscallError).errno, errno, `${message ?? ""} ${String(error)}`);
    return error as SyscallError;
  }
  return assert.unreachable(`${message ?? "the call"} did not fail`) as never;
}

/** Program and attach types of tracing programs, by what they attach to. */
export const Tracing = {
  fentry: { type: ProgramType.Tracing, expectedAttachType: AttachType.TraceFentry },
  fexit: { type: ProgramType.Tracing, expectedAttachType: AttachType.TraceFexit },
  rawTracepoint: { type: ProgramType.Tracing, expectedAttachType: AttachType.TraceRawTp },
} as const;
