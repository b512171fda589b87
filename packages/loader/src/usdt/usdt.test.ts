/** Tests of USDT notes and operands: as a compiler writes them, and damaged. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { ReadableFile } from "@bpfkit/base/kernel";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ElfImage } from "../symbols/elf-image.ts";
import { parseArgument, splitArguments } from "./arguments.ts";
import { readUsdtNotes } from "./notes.ts";
import { registerOffset } from "./registers.ts";

const none = { value: 0n, register: 0, index: 0, scaleShift: 0 };

test("operands of x86-64", () => {
  const parse = (text: string) => parseArgument(text, "x86_64");
  assert.equal(parse("-4@%eax"), { ...none, kind: "register", register: 80, sizeBytes: 4, signed: true });
  assert.equal(parse("8@$-9"), { ...none, kind: "constant", value: -9n, sizeBytes: 8, signed: false });
  assert.equal(parse("1@%r9b"), { ...none, kind: "register", register: 64, sizeBytes: 1, signed: false });
  assert.equal(parse("-8@-0x10(%rbp)"), {
    ...none,
    kind: "memory",
    register: 32,
    value: -16n,
    sizeBytes: 8,
    signed: true,
  });
  assert.equal(parse("8@(%rsp)"), { ...none, kind: "memory", register: 152, sizeBytes: 8, signed: false });
  assert.equal(parse("4@24(%rdi,%rcx,8)"), {
    kind: "indexed",
    value: 24n,
    register: 112,
    index: 88,
    scaleShift: 3,
    sizeBytes: 4,
    signed: false,
  });
});

test("operands of arm64, and several with blanks in them", () => {
  const parse = (text: string) => parseArgument(text, "arm64");
  assert.equal(parse("4@w3"), { ...none, kind: "register", register: 24, sizeBytes: 4, signed: false });
  assert.equal(parse("-8@[sp, 12]"), {
    ...none,
    kind: "memory",
    register: 248,
    value: 12n,
    sizeBytes: 8,
    signed: true,
  });
  assert.equal(splitArguments("4@[sp, 12] -8@[x0, #8] 8@5"), ["4@[sp, 12]", "-8@[x0, #8]", "8@5"]);
  assert.equal(splitArguments("-4@%eax 8@-8(%rax, %rcx, 4)"), ["-4@%eax", "8@-8(%rax, %rcx, 4)"]);
  assert.equal(splitArguments(""), []);
});

test("what programs cannot read is named", () => {
  for (const text of [
    "8@table(%rip)",
    "8@%xmm0",
    "16@%rax",
    "8f@%rax",
    "eight",
    "8@(%rip)",
    "8@-4(%rax,%rip)",
    "8@",
  ]) {
    assert.throws(
      () => parseArgument(text, "x86_64"),
      (error: unknown) =>
        error instanceof BpfkitError && error.code === "LD084" && error.message.includes(text),
      text,
    );
  }
});

test("registers are where struct pt_regs has them", () => {
  // Facts: offsetof() of struct pt_regs of uapi asm/ptrace.h, printed by a C compiler on x86-64.
  const names = ["r15", "rbp", "ebx", "bx", "bl", "r10d", "al", "dx", "sil", "rdi", "rsp", "spl", "r8w"];
  assert.equal(
    names.map((name) => registerOffset(name, "x86_64")),
    [0, 32, 40, 40, 40, 56, 80, 96, 104, 112, 152, 152, 72],
  );
  assert.is(registerOffset("rip", "x86_64"), undefined);
  assert.is(registerOffset("x31", "arm64"), undefined);
});

/** An ELF file with one section of notes. */
function imageOf(notes: Uint8Array): ElfImage | undefined {
  const names = new TextEncoder().encode("\0.note.stapsdt\0.names\0");
  const bytes = new Uint8Array(64 + 56 + notes.length + names.length + 3 * 64);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const [notesAt, namesAt] = [120, 120 + notes.length];
  const headersAt = namesAt + names.length;
  view.setBigUint64(32, 64n, true);
  view.setBigUint64(40, BigInt(headersAt), true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, 3, true);
  view.setUint16(62, 2, true);
  view.setUint32(64, 1, true);
  view.setBigUint64(64 + 16, 0x400000n, true);
  view.setBigUint64(64 + 32, 0x1000n, true);
  bytes.set(notes, notesAt);
  bytes.set(names, namesAt);
  const section = (index: number, name: number, offset: number, size: number): void => {
    const at = headersAt + index * 64;
    view.setUint32(at, name, true);
    view.setUint32(at + 4, 7, true);
    view.setBigUint64(at + 24, BigInt(offset), true);
    view.setBigUint64(at + 32, BigInt(size), true);
  };
  section(1, 1, notesAt, notes.length);
  section(2, 15, namesAt, names.length);
  const file: ReadableFile = {
    identity: "",
    inode: 0,
    sizeBytes: bytes.length,
    read: (offset, length) =>
      bytes.slice(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length)),
    close() {},
  };
  return ElfImage.read(file);
}

function note(address: bigint, semaphore: bigint, texts: readonly string[]): Uint8Array {
  const words = new TextEncoder().encode(texts.map((text) => `${text}\0`).join(""));
  const size = 24 + words.length;
  const bytes = new Uint8Array(12 + 8 + Math.ceil(size / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 8, true);
  view.setUint32(4, size, true);
  view.setUint32(8, 3, true);
  bytes.set(new TextEncoder().encode("stapsdt"), 12);
  view.setBigUint64(20, address, true);
  view.setBigUint64(36, semaphore, true);
  bytes.set(words, 44);
  return bytes;
}

test("notes give places in the file", () => {
  const both = [
    note(0x400120n, 0x400200n, ["app", "start", "-4@%edi"]),
    note(0x400130n, 0n, ["app", "end", ""]),
  ];
  const bytes = new Uint8Array(both.reduce((sum, { length }) => sum + length, 0));
  bytes.set(both[0] ?? [], 0);
  bytes.set(both[1] ?? [], both[0]?.length ?? 0);
  const image = imageOf(bytes);
  assert.ok(image);
  assert.equal(readUsdtNotes(image), [
    {
      provider: "app",
      name: "start",
      address: 0x400120,
      offset: 0x120,
      semaphoreAddress: 0x400200,
      semaphoreOffset: 0x200,
      arguments: "-4@%edi",
    },
    {
      provider: "app",
      name: "end",
      address: 0x400130,
      offset: 0x130,
      semaphoreAddress: 0,
      semaphoreOffset: 0,
      arguments: "",
    },
  ]);
});

test("damaged notes give fewer probes, never an exception", () => {
  let seed = 4711;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 2000; round++) {
    const bytes = note(0x400120n, 0n, ["app", "start", "-4@%edi 8@$4"]).slice(0, random(80) + 1);
    for (let hit = 0; hit < random(6); hit++) bytes[random(bytes.length)] = random(256);
    const image = imageOf(bytes);
    if (image !== undefined) assert.ok(readUsdtNotes(image).length <= 2, `round ${round}`);
  }
});

test.run();
