/** What a program writes to its standard streams comes out whole and in order, whatever the size of its writes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type FdWrite, StandardOutput } from "./standard-output.ts";

/** Where the test's program keeps its text, its (address, size) pairs and the number of bytes written. */
const Text = 4096;
const Vectors = 1024;
const Written = 512;

class Program {
  readonly memory: WebAssembly.Memory;
  readonly output: StandardOutput;
  readonly others: number[] = [];

  constructor(maximumPages: number) {
    this.memory = new WebAssembly.Memory({ initial: 32, maximum: maximumPages });
    this.output = new StandardOutput((fd) => {
      this.others.push(fd);
      return 8;
    });
    this.output.connect(this.memory);
  }

  /** One fd_write of all pieces; checks the number of bytes that it tells. */
  write(fd: number, ...pieces: string[]): number {
    const view = new DataView(this.memory.buffer);
    let at = Text;
    for (const [index, piece] of pieces.entries()) {
      const { written } = new TextEncoder().encodeInto(piece, new Uint8Array(this.memory.buffer, at));
      view.setUint32(Vectors + 8 * index, at, true);
      view.setUint32(Vectors + 8 * index + 4, written, true);
      at += written;
    }
    const errno = (this.output.fdWrite as FdWrite)(fd, Vectors, pieces.length, Written);
    if (errno === 0) assert.is(new DataView(this.memory.buffer).getUint32(Written, true), at - Text);
    return errno;
  }

  get stdout(): string {
    return new TextDecoder().decode(this.output.stdout());
  }
}

for (const [name, maximumPages] of [
  ["with a buffer in the program's memory", 100],
  ["without room for one", 32],
] as const) {
  test(`all sizes of writes, ${name}`, () => {
    const program = new Program(maximumPages);
    let expected = "";
    for (const size of [1, 2, 0, 63, 64, 65, 1, 1, 70_000, 1_048_576, 1_048_577, 1, 3]) {
      const piece = String.fromCharCode(0x61 + (expected.length % 26)).repeat(size);
      program.write(1, piece);
      expected += piece;
    }
    program.write(1, "several", "", " pieces");
    expected += "several pieces";
    for (let count = 0; count < 100_000; count++) program.write(1, "x");
    expected += "x".repeat(100_000);
    assert.ok(program.stdout === expected);
  });
}

test("the streams are kept apart, other files go to others", () => {
  const program = new Program(100);
  program.write(1, "out");
  program.write(2, "error");
  program.write(1, "put");
  assert.is(program.write(7, "file"), 8);
  assert.is(program.stdout, "output");
  assert.is(program.output.stderr.text(), "error");
  assert.equal(program.others, [7]);
});

test("a program that grows its memory is followed", () => {
  const program = new Program(200);
  program.write(1, "a");
  program.memory.grow(3);
  program.write(1, "b");
  program.write(2, "c");
  program.memory.grow(3);
  program.write(1, "d", "e");
  assert.is(program.stdout, "abde");
  assert.is(program.output.stderr.text(), "c");
});

test("nothing written is nothing", () => {
  assert.is(new Program(100).stdout, "");
});

test.run();
