/** What is refused at load, with the kernel's words, and what the log shows. */

import { MapType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import { VerifierRejection } from "@bpfkit/base/kernel";
import { assemble, encodeInstructions, type Instruction } from "@bpfkit/elf/isa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { engines, FIRST_FD, Lab, type LabLoadOptions } from "../testdata/lab.ts";

function rejection(program: string | readonly Instruction[], options: LabLoadOptions = {}): SyscallError {
  const lab = new Lab("jit");
  lab.map({ type: MapType.Array, maxEntries: 1, valueSize: 16 });
  lab.map({ type: MapType.Hash });
  try {
    lab.load(program, options);
  } catch (error) {
    if (error instanceof SyscallError) return error;
    throw error;
  }
  throw new Error("the program was accepted");
}

function logOf(error: SyscallError): string {
  assert.instance(error.cause, VerifierRejection);
  return (error.cause as VerifierRejection).log;
}

const raw = (opcode: number, fields: Partial<Instruction> = {}): Instruction => {
  return { opcode, dst: 0, src: 0, off: 0, imm: 0, immHigh: 0, ...fields };
};
const exit = assemble("r0 = 0\nexit");

const frames = (count: number): string => {
  const functions = Array.from({ length: count - 1 }, (_, i) => `f${i}: call f${i + 1}\nexit`);
  return `call f0\nexit\n${functions.join("\n")}\nf${count - 1}: r0 = 0\nexit`;
};

const cases: readonly [name: string, program: string | readonly Instruction[], message: RegExp][] = [
  ["unknown opcode", [raw(0xff), ...exit], /invalid BPF_ALU opcode ff/],
  ["unknown load", [raw(0x81 | 0x18), ...exit], /unknown opcode 99/],
  ["unknown jump", [raw(0xf5), ...exit], /invalid BPF_JMP opcode f5/],
  ["another form of may_goto", [raw(0xe5, { imm: 1 }), ...exit], /invalid may_goto imm 1/],
  ["may_goto of a register", [raw(0xe5, { src: 1 }), ...exit], /invalid may_goto imm 0/],
  ["may_goto of 32 bits", [raw(0xe6), ...exit], /unknown opcode e6/],
  ["may_goto out of range", [raw(0xe5, { off: 9 }), ...exit], /jump out of range from insn 0 to 10/],
  [
    "load_acquire into r10",
    "r10 = load_acquire((u64 *)(r10 -8))\nr0 = 0\nexit",
    /frame pointer is read only/,
  ],
  ["load_acquire of nothing", "r2 = load_acquire((u64 *)(r3 +0))\nr0 = 0\nexit", /R3 !read_ok/],
  ["store_release of nothing", "store_release((u64 *)(r10 -8), r3)\nr0 = 0\nexit", /R3 !read_ok/],
  [
    "load_acquire below the frame",
    "r2 = load_acquire((u64 *)(r10 -520))\nr0 = 0\nexit",
    /invalid read from stack R10 off=-520 size=8/,
  ],
  [
    "store_release below the frame",
    "r2 = 0\nstore_release((u8 *)(r10 -513), r2)\nr0 = 0\nexit",
    /invalid write to stack R10 off=-513 size=1/,
  ],
  ["call by register", [raw(0x8d), ...exit], /unknown opcode 8d/],
  ["legacy packet load", [raw(0x30), ...exit], /BPF_LD_\[ABS\|IND\] instructions not allowed/],
  ["register 11", [raw(0xb7, { dst: 11 }), ...exit], /R11 is invalid/],
  ["register 15 as source", [raw(0xbf, { src: 15 }), ...exit], /R15 is invalid/],
  ["reserved field of mov", [raw(0xb7, { src: 1 }), ...exit], /BPF_MOV uses reserved fields/],
  ["reserved field of add", [raw(0x0f, { imm: 1 }), ...exit], /BPF_ALU uses reserved fields/],
  ["reserved field of load", [raw(0x61, { src: 10, off: -4, imm: 1 }), ...exit], /BPF_LDX uses reserved/],
  ["byte swap of 48 bits", [raw(0xdc, { imm: 48 }), ...exit], /BPF_END uses reserved fields/],
  ["atomic of a byte", [raw(0xd3, { dst: 10, off: -8 }), ...exit], /invalid atomic operand size/],
  ["unknown atomic", [raw(0xdb, { dst: 10, off: -8, imm: 0x77 }), ...exit], /invalid atomic opcode 77/],
  ["write to r10", "r10 = 1\nr0 = 0\nexit", /frame pointer is read only/],
  ["load into r10", "r10 = *(u64 *)(r10 -8)\nr0 = 0\nexit", /frame pointer is read only/],
  ["division by 0", "r0 = 1\nr0 /= 0\nexit", /div by zero/],
  ["shift by 64", "r0 = 1\nr0 <<= 64\nexit", /invalid shift 64/],
  ["32-bit shift by 32", "r0 = 1\nw0 <<= 32\nexit", /invalid shift 32/],
  [
    "jump out of range",
    [...assemble("r0 = 0"), raw(0x05, { off: 9 }), ...exit],
    /jump out of range from insn 1 to 11/,
  ],
  ["jump before the start", [raw(0x05, { off: -2 }), ...exit], /jump out of range from insn 0 to -1/],
  ["long jump out of range", [raw(0x06, { imm: 0x7fff_ffff }), ...exit], /jump out of range/],
  [
    "jump into a wide load",
    [raw(0x05, { off: 1 }), ...assemble("r0 = 1 ll\nexit")],
    /jump into the middle of ldimm64 insn 1/,
  ],
  ["fall off the end", "r0 = 0", /last insn is not an exit or jmp/],
  ["end with a wide load", "r0 = 1 ll", /last insn is not an exit/],
  ["unreachable code", "r0 = 0\nexit\nr0 = 1\nexit", /unreachable insn 2/],
  ["call beyond the end", [raw(0x85, { src: 1, imm: 100 }), ...exit], /call to invalid destination 101/],
  ["nine frames", frames(9), /the call stack of 9 frames is too deep/],
  ["recursion", "call f\nexit\nf: call f\nexit", /the call stack of 9 frames is too deep/],
  [
    "stack below the frame",
    "*(u64 *)(r10 -520) = 0\nr0 = 0\nexit",
    /invalid write to stack R10 off=-520 size=8/,
  ],
  ["stack above the frame", "r0 = *(u32 *)(r10 -2)\nexit", /invalid read from stack R10 off=-2 size=4/],
  [
    "frames of 512 bytes together",
    "*(u64 *)(r10 -488) = 0\ncall f\nexit\nf: *(u64 *)(r10 -8) = 0\nr0 = 0\nexit",
    /combined stack size of 2 calls is 544\. Too large/,
  ],
  ["r0 never set", "exit", /R0 !read_ok/],
  ["r0 never set behind a call", "call f\nr0 = r6\nexit\nf: exit", /R6 !read_ok/],
  ["r6 never set", "r0 = r6\nexit", /R6 !read_ok/],
  ["r2 of the entry", "r0 = r2\nexit", /R2 !read_ok/],
  ["r1 after a call", "call bpf_ktime_get_ns\nr0 = r1\nexit", /R1 !read_ok/],
  ["missing argument", "call bpf_map_lookup_elem\nexit", /R2 !read_ok/],
  ["r6 of the caller", "r6 = 1\ncall f\nexit\nf: r0 = r6\nexit", /R6 !read_ok/],
  ["stored register", "*(u64 *)(r10 -8) = r3\nr0 = 0\nexit", /R3 !read_ok/],
  ["compared register", "if r4 == 1 goto +0\nr0 = 0\nexit", /R4 !read_ok/],
  [
    "r0 of compare and exchange",
    "r2 = 1\n*(u64 *)(r10 -8) = 0\nr0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)\nexit",
    /R0 !read_ok/,
  ],
  ["unknown helper", "call 5000\nexit", /invalid func unknown#5000/],
  ["no such map", "r1 = map[fd:77]\nr0 = 0\nexit", /fd 77 is not pointing to valid bpf_map/],
  [
    "address in a hash map",
    `r1 = map[fd:${FIRST_FD + 1}][0]+0\nr0 = 0\nexit`,
    /no direct value access support/,
  ],
  [
    "address beyond a value",
    `r1 = map[fd:${FIRST_FD}][0]+16\nr0 = 0\nexit`,
    /invalid access to map value pointer, value_size=16 off=16/,
  ],
];

for (const [name, program, message] of cases) {
  test(`refused: ${name}`, () => {
    const error = rejection(program);
    assert.is(error.command, "BPF_PROG_LOAD");
    assert.match(error.message, message);
    const log = logOf(error);
    assert.match(log, message);
    assert.match(log, /processed \d+ insns \(limit 1000000\)/);
    assert.match((error.cause as Error).message, message, "the rejection's own message is the summary");
  });
}

test("the log shows the instruction and its source line", () => {
  const lab = new Lab("jit");
  const sourceLine = (slot: number) =>
    slot === 1 ? { file: "src/tool.c", line: 12, column: 3, text: "\tx = x / zero;" } : undefined;
  try {
    lab.machine.loadProgram({
      name: "tool",
      type: 2,
      instructions: encodeInstructions(assemble("r0 = 1\nr0 /= 0\nexit")),
      license: "GPL",
      mapByFd: () => undefined,
      engine: "jit",
      sourceLine,
    });
    assert.unreachable();
  } catch (error) {
    assert.match(
      logOf(error as SyscallError),
      /^; x = x \/ zero; @ tool\.c:12\n1: \(37\) r0 \/= 0\ndiv by zero\n/,
    );
  }
});

test("bytes that are no instructions are refused, also none at all", () => {
  const lab = new Lab("jit");
  for (const size of [0, 1, 7, 9, 8_000_008]) {
    const load = () =>
      lab.machine.loadProgram({
        name: "bytes",
        type: 2,
        instructions: new Uint8Array(size).fill(0x95, 0, 1),
        license: "GPL",
        mapByFd: () => undefined,
        engine: "interpreter",
      });
    assert.throws(load, (error: unknown) => error instanceof SyscallError);
  }
});

test("half a wide load at the end is refused", () => {
  const lab = new Lab("jit");
  const instructions = encodeInstructions(assemble("r0 = 1 ll")).subarray(0, 8);
  const definition = { name: "half", type: 2, instructions, license: "GPL", engine: "jit" } as const;
  assert.throws(
    () => lab.machine.loadProgram({ ...definition, mapByFd: () => undefined }),
    /invalid bpf_ld_imm64/,
  );
});

test("GPL-only helpers need a GPL-compatible licence, others do not", () => {
  const read = "r1 = r10\nr1 += -8\nr2 = 8\nr3 = r10\ncall bpf_probe_read_kernel\nr0 = 0\nexit";
  const message = /cannot call GPL-restricted function from non-GPL compatible program/;
  assert.match(rejection(read, { license: "Proprietary" }).message, message);
  assert.match(rejection(read, { license: "" }).message, message);
  assert.match(rejection(read, { license: "gpl" }).message, message);
  const lab = new Lab("jit");
  lab.load(read, { license: "Dual BSD/GPL" });
  lab.load("call bpf_get_current_pid_tgid\nexit", { license: "Proprietary" });
});

test("a helper that the VM does not have is named", () => {
  const lab = new Lab("jit");
  try {
    lab.load("call bpf_override_return\nexit");
    assert.unreachable();
  } catch (error) {
    assert.instance(error, BpfkitError);
    assert.is((error as BpfkitError).code, "VM020");
    assert.match((error as BpfkitError).message, /bpf_override_return#58/);
  }
});

test("kernel functions and variables are refused by name of the feature", () => {
  const lab = new Lab("jit");
  assert.throws(() => lab.load([raw(0x85, { src: 2, imm: 1 }), ...exit]), /kfuncs/);
  assert.throws(() => lab.load([raw(0x18, { src: 3, imm: 1 }), ...exit]), /ksyms/);
  assert.throws(() => lab.load([raw(0x18, { src: 5, imm: 1 }), ...exit]), /fd_array/);
});

test("what known constants rule out may call helpers that no kernel has, and nothing else may", () => {
  const poison = raw(0x85, { imm: 0xbad2310 });
  const guarded = (value: number): Instruction[] => [
    ...assemble(`r6 = r1\nr0 = ${value}\nr0 <<= 32\nr0 >>= 32\nif r0 != 0 goto pc+5\nr3 = 1`),
    poison,
    ...assemble("r3 += r0\nr0 = r3\ngoto pc+1\nr0 = 7\nexit"),
  ];
  for (const engine of engines) {
    const lab = new Lab(engine);
    assert.is(lab.load(guarded(1)).runAt(lab.context(new Uint8Array(8))), 7);
  }
  assert.match(
    rejection(guarded(0)).message + logOf(rejection(guarded(0))),
    /invalid func unknown#195896080/,
  );
  const open = [...assemble("r0 = *(u32 *)(r1 +0)\nif r0 != 0 goto pc+1"), poison, ...exit];
  assert.match(logOf(rejection(open)), /invalid func unknown#195896080/);
  const loop = [...assemble("r0 = 1\nif r0 == 0 goto pc+2\nr0 -= 1\ngoto pc-3"), poison, ...exit];
  assert.match(logOf(rejection(loop)), /invalid func unknown#195896080/);
});

test("eight frames and 512 bytes of stack together are accepted and run", () => {
  for (const engine of engines) {
    const lab = new Lab(engine);
    const context = lab.context(new Uint8Array(8));
    assert.is(lab.load(frames(7)).runAt(context), 0);
    const deep =
      "*(u64 *)(r10 -480) = 5\ncall f\nr1 = *(u64 *)(r10 -480)\nr0 += r1\nexit\nf: *(u64 *)(r10 -8) = 7\nr0 = *(u64 *)(r10 -8)\nexit";
    assert.is(lab.load(deep).runAt(context), 12);
  }
});

test("random bytes never make anything but a refusal or a program", () => {
  const lab = new Lab("jit");
  let state = 12345;
  const byte = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fff_ffff;
    return state >>> 16;
  };
  for (let i = 0; i < 2000; i++) {
    const instructions = Uint8Array.from({ length: 8 * (1 + (byte() % 12)) }, byte);
    if (i % 2 === 0) instructions.set([0x95, 0, 0, 0, 0, 0, 0, 0], instructions.length - 8);
    try {
      const program = lab.machine.loadProgram({
        name: "fuzz",
        type: 2,
        instructions,
        license: "GPL",
        mapByFd: () => undefined,
        engine: i % 3 === 0 ? "interpreter" : "jit",
        rules: "isa",
        fuel: 100,
      });
      program.runAt(lab.context(new Uint8Array(8)));
    } catch (error) {
      assert.instance(error, BpfkitError, `round ${i}: ${error}`);
    }
  }
});

test.run();
