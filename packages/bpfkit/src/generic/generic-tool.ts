/** The front end of programs that have none: prints trace lines and events as they come, every map at the end. */
import { MapType } from "@bpfkit/base/abi";
import { BpfkitError, UsageError } from "@bpfkit/base/diagnostics";
import { decodeInstructions, PseudoCall } from "@bpfkit/elf/isa";
import type { Program } from "@bpfkit/loader";
import { BPF, type BpfOptions } from "../bpf.ts";
import type { Tool, ToolHost } from "../tool.ts";
import { Printer } from "./printer.ts";

const callOpcode = 0x85;

/** An object to run. */
export interface GenericProgram {
  /** Of the file, for messages. */
  readonly name: string;
  readonly object: Uint8Array;
  /** The loaded program whose functions `SEC("freplace/FUNCTION")` programs replace. */
  readonly extend?: BpfOptions["extend"];
}

const help = [
  "usage: bpfkit run FILE.c|FILE.o [--json] [--duration SECONDS]",
  "",
  'Attaches programs by their names (kprobe__FUNCTION ...) and sections (SEC("kprobe/FUNCTION") ...), prints what they',
  "print with bpf_trace_printk, the events they send, and at the end every map.",
  "",
  "  -d, --duration SECONDS  stop after this time",
  '  --json                  one JSON object a line: {"trace"}, {"map","event"}, {"map","entries"}, {"variable","value"}',
];

interface GenericOptions {
  readonly json: boolean;
  readonly durationMs: number;
  readonly help: boolean;
}

/** A tool around an object. */
export function genericTool(program: GenericProgram): Tool {
  return {
    name: program.name,
    summary: "Prints what a program prints, sends and keeps.",
    scenario: "mixed",
    async run(argv, host) {
      const options = parseArguments(argv);
      if (options.help) {
        for (const line of help) host.write(line);
        return 0;
      }
      await trace(program, options, host);
      return 0;
    },
  };
}

function parseArguments(argv: readonly string[]): GenericOptions {
  let json = false;
  let showHelp = false;
  let durationMs = Number.POSITIVE_INFINITY;
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    const [name, given] = word.split("=", 2);
    if (word === "--json") json = true;
    else if (word === "--help" || word === "-h") showHelp = true;
    else if (name === "--duration" || word === "-d") {
      if (given === undefined) index += 1;
      durationMs = seconds(given ?? argv[index]) * 1000;
    } else {
      throw new UsageError(`unexpected argument '${word}': the program has no front end of its own`, {
        hint: "Such programs take --json and --duration SECONDS.",
      });
    }
  }
  return { json, durationMs, help: showHelp };
}

function seconds(text: string | undefined): number {
  const value = text === undefined || text === "" ? Number.NaN : Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`--duration takes a number of seconds, not '${text ?? ""}'`);
}

async function trace(program: GenericProgram, options: GenericOptions, host: ToolHost): Promise<void> {
  const { kernel, onVerifierLog, beforeEvents } = host;
  const bpf = await BPF.open({
    object: program.object,
    name: program.name,
    kernel,
    ...(program.extend === undefined ? {} : { extend: program.extend }),
    ...(onVerifierLog === undefined ? {} : { onVerifierLog }),
    ...(beforeEvents === undefined ? {} : { beforeEvents }),
    ...(host.warn === undefined ? {} : { onWarning: host.warn }),
  });
  try {
    if (bpf.links.length === 0) throw nothingAttached(bpf, program.name);
    for (const { name, spec } of bpf.unattached) {
      host.warn?.(`program ${name} is not attached: SEC("${spec.section}") does not say where`);
    }
    const printer = new Printer(bpf, options.json, host.write);
    // Not everybody who may load programs may read the trace pipe.
    const prints = [...bpf.collection.programs.values()].some(printsTraceLines);
    if (prints) bpf.openTracePipe();
    for (const table of bpf.tables()) {
      const onLost = (cpu: number, count: number): void => printer.lost(table, cpu, count);
      const isPerf = table.type === MapType.PerfEventArray;
      if (!isPerf && table.type !== MapType.Ringbuf) continue;
      if (table.eventTypeName !== undefined) {
        table.openEvents((event, cpu) => printer.event(table, event, isPerf ? cpu : undefined), { onLost });
      } else if (isPerf) table.openPerfBuffer((cpu, data) => printer.bytes(table, data, cpu), { onLost });
      else table.openRingBuffer((data) => printer.bytes(table, data));
    }
    await poll(bpf, prints ? printer : undefined, options.durationMs, host);
    // What is printed of events and of maps is then of the same moment.
    bpf.detach();
    bpf.perfBufferConsume();
    bpf.ringBufferConsume();
    if (prints) for (const line of bpf.readTraceLines()) printer.trace(line);
    printer.maps();
  } finally {
    bpf.close();
  }
}

/** @param printer of trace lines; undefined where there are none */
async function poll(
  bpf: BPF,
  printer: Printer | undefined,
  durationMs: number,
  host: ToolHost,
): Promise<void> {
  const start = host.kernel.monotonicNs();
  for (let ended = false; !ended && !host.signal.aborted; ) {
    const left = durationMs - Number(host.kernel.monotonicNs() - start) / 1e6;
    if (left <= 0) return;
    ({ ended } = await bpf.poll(left, host.signal));
    if (printer === undefined) continue;
    for (const line of bpf.readTraceLines()) printer.trace(line);
  }
}

/** bpf_trace_printk and bpf_trace_vprintk. */
const tracePrinters: ReadonlySet<number> = new Set([6, 177]);

function printsTraceLines({ instructions }: Program): boolean {
  return decodeInstructions(instructions).some(
    ({ opcode, src, imm }) => opcode === callOpcode && src === PseudoCall.Helper && tracePrinters.has(imm),
  );
}

function nothingAttached(bpf: BPF, name: string): BpfkitError {
  const programs = [...bpf.collection.programs.values()].map(
    (program) => `${program.name} (section ${program.spec.section})`,
  );
  if (programs.length === 0) {
    return new BpfkitError("BK020", `${name} has no programs`, {
      hint: 'Name a function kprobe__FUNCTION or tracepoint__CATEGORY__NAME, or give it SEC("kprobe/FUNCTION").',
    });
  }
  return new BpfkitError("BK020", `nothing in ${name} says where to attach: ${programs.join(", ")}`, {
    hint: 'Name the function kprobe__FUNCTION or tracepoint__CATEGORY__NAME, or give it SEC("kprobe/FUNCTION"); programs without a target need a front end that attaches them.',
  });
}
