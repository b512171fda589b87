/**
 * Time per BPF instruction in both engines, and per helper call. Run: node --import tsx --conditions=bpfkit-source
 * packages/vm/bench/engines.ts [--quick]. Prints the median of interleaved rounds; nothing is asserted.
 */
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";
import { type Engine, Machine } from "../src/index.ts";
import { stillWorld } from "../src/testdata/still-world.ts";

/** A program whose work grows with the number at the start of its context. */
interface Subject {
  readonly name: string;
  readonly text: string;
  /** Iterations for the JIT and, fewer, for the interpreter. */
  readonly iterations: Readonly<Record<Engine, number>>;
  /** Instructions of one iteration. */
  readonly perIteration: number;
}

const quick = process.argv.includes("--quick");
const scale = quick ? 0.05 : 1;

function loop(name: string, setup: string, body: string, iterations: number): Subject {
  const perIteration = body.trim().split("\n").length + 2;
  const text = `r9 = r1\nr8 = *(u64 *)(r1 +0)\n${setup}\ntop:\n${body}\nr8 += -1\nif r8 != 0 goto top\nr0 = r6\nexit`;
  const count = Math.round(iterations * scale);
  return { name, text, iterations: { jit: count, interpreter: Math.round(count / 100) }, perIteration };
}

const xorshift = `r2 = r6\nr2 <<= 13\nr6 ^= r2\nr2 = r6\nr2 >>= 7\nr6 ^= r2\nr2 = r6\nr2 <<= 17\nr6 ^= r2`;
const narrow = `w2 = w6\nw2 *= -862048943\nw3 = w2\nw2 <<= 15\nw3 >>= 17\nw2 |= w3\nw6 ^= w2\nw6 += 7`;
const lookup = `*(u32 *)(r10 -4) = r8\nr2 = r10\nr2 += -4\nr1 = map[fd:FD]\ncall bpf_map_lookup_elem`;

const subjects: readonly Subject[] = [
  loop("xorshift, 64-bit ALU", "r6 = 88172645463325252 ll", xorshift, 2e7),
  loop("murmur-like, 32-bit ALU", "w6 = 17", narrow, 2e7),
  loop("loads and stores, context", "r6 = 0", "r2 = *(u64 *)(r9 +8)\nr2 += 1\n*(u64 *)(r9 +8) = r2", 2e7),
  loop(
    "loads and stores, stack",
    "*(u64 *)(r10 -8) = 0\nr6 = 0",
    "r2 = *(u64 *)(r10 -8)\nr2 += 1\n*(u64 *)(r10 -8) = r2",
    2e7,
  ),
  loop("bpf_ktime_get_ns", "r6 = 0", "call bpf_ktime_get_ns\nr6 += r0", 3e6),
  loop("bpf_get_current_pid_tgid", "r6 = 0", "call bpf_get_current_pid_tgid\nr6 += r0", 3e6),
  loop(
    "bpf_probe_read_kernel, 8 bytes",
    "r6 = 0",
    "r1 = r10\nr1 += -8\nr2 = 8\nr3 = r9\ncall bpf_probe_read_kernel",
    3e6,
  ),
  loop("array lookup", "r6 = 0", lookup.replace("FD", "3"), 3e6),
  loop("hash lookup, 1000 of 10000 keys", "r6 = 0", lookup.replace("FD", "4"), 3e6),
];

function prepare(): Machine {
  const machine = new Machine(stillWorld(), { perfSink: () => undefined, tailCallTarget: () => undefined });
  const sizes = { keySize: 4, valueSize: 8, maxEntries: 10_000, flags: 0 };
  machine.createMap({ ...sizes, type: 2, name: "array" });
  const hash = machine.createMap({ ...sizes, type: 1, name: "hash" });
  const key = new Uint8Array(4);
  for (let i = 0; i < 1000; i++) {
    new DataView(key.buffer).setUint32(0, i * 7, true);
    hash.write(key, new Uint8Array(8), 0);
  }
  return machine;
}

function printRow(...cells: string[]): void {
  process.stdout.write(`${cells.join(" ")}\n`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function nanosecondsPerIteration(machine: Machine, subject: Subject, engine: Engine): () => number {
  const program = machine.loadProgram({
    name: "bench",
    type: 2,
    instructions: encodeInstructions(assemble(subject.text)),
    license: "GPL",
    mapByFd: (fd) => machine.map(fd - 2),
    engine,
    fuel: 0x7fff_ffff,
  });
  const { memory } = machine;
  const context = memory.allocateOffset(64, 8, "program");
  memory.grant(context, 64, "write");
  const count = subject.iterations[engine];
  return () => {
    memory.view.setBigUint64(context, BigInt(count), true);
    const start = performance.now();
    program.runAt(context);
    return ((performance.now() - start) * 1e6) / count;
  };
}

/** One run of a short program, from JavaScript: what firing a probe costs. */
function entryCost(machine: Machine, engine: Engine): number {
  const program = machine.loadProgram({
    name: "entry",
    type: 2,
    instructions: encodeInstructions(assemble("r0 = *(u32 *)(r1 +0)\nr0 += 1\nexit")),
    license: "GPL",
    mapByFd: () => undefined,
    engine,
  });
  const context = machine.memory.allocateOffset(64, 8, "program");
  machine.memory.grant(context, 64, "write");
  const count = Math.round(1e6 * scale);
  const rounds = [0, 1, 2, 3, 4].map(() => {
    const start = performance.now();
    for (let i = 0; i < count; i++) program.runAt(context);
    return ((performance.now() - start) * 1e6) / count;
  });
  return median(rounds);
}

/** Loading a program of many small blocks: checks, translation and the host's first compilation. */
function loadCost(machine: Machine, engine: Engine, instructions: number): string {
  const blocks = Array.from({ length: instructions / 4 }, (_, i) => {
    return `if r6 == ${i} goto +2\n*(u64 *)(r10 -8) = r6\nr6 += ${i}\nr7 = *(u64 *)(r1 +0)`;
  });
  const bytes = encodeInstructions(assemble(`r6 = 1\n${blocks.join("\n")}\nr0 = r6\nexit`));
  const definition = { name: "load", type: 2, instructions: bytes, license: "GPL", mapByFd: () => undefined };
  const rounds = Array.from({ length: 9 }, () => {
    const start = performance.now();
    machine.loadProgram({ ...definition, engine });
    return performance.now() - start;
  });
  return median(rounds).toFixed(2);
}

const machine = prepare();
printRow("ns per iteration (ns per instruction)".padEnd(36), "interpreter".padStart(16), "jit".padStart(16));
for (const subject of subjects) {
  const runs = {
    interpreter: nanosecondsPerIteration(machine, subject, "interpreter"),
    jit: nanosecondsPerIteration(machine, subject, "jit"),
  };
  const samples = { interpreter: [] as number[], jit: [] as number[] };
  for (let round = 0; round < 7; round++) {
    samples.interpreter.push(runs.interpreter());
    samples.jit.push(runs.jit());
  }
  const cell = (engine: Engine): string => {
    const ns = median(samples[engine]);
    return `${ns.toFixed(1)} (${(ns / subject.perIteration).toFixed(2)})`.padStart(16);
  };
  printRow(subject.name.padEnd(36), cell("interpreter"), cell("jit"));
}
for (const engine of ["interpreter", "jit"] as const) {
  printRow(`one run of 3 instructions, ${engine}:`, entryCost(machine, engine).toFixed(1), "ns");
}
for (const instructions of [40, 3600]) {
  const jit = loadCost(machine, "jit", instructions);
  const interpreter = loadCost(machine, "interpreter", instructions);
  printRow(`load of ${instructions} instructions: ${interpreter} ms interpreter, ${jit} ms jit`);
}
