/** Every arithmetic operation, jump and byte order on awkward values, against definitions written with bigints. */
import { AluOp, assemble, Class, type Instruction, JumpOp, loadImm64, Source } from "@bpfkit/elf/isa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { engines, Lab } from "../testdata/lab.ts";

const values = [
  0n,
  1n,
  2n,
  7n,
  31n,
  32n,
  33n,
  63n,
  64n,
  127n,
  128n,
  255n,
  0x7fffn,
  0x8000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1234_5678_9abc_def0n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_ffff_fff9n,
  0xffff_ffff_ffff_ffffn,
];
const immediates = [0, 1, 2, 7, 31, 33, 63, 255, 0x7fff_ffff, -0x8000_0000, -7, -2, -1];

type Operation = (bits: number, a: bigint, b: bigint) => bigint;
const signed = (bits: number, x: bigint): bigint => BigInt.asIntN(bits, x);
const shift = (bits: number, b: bigint): bigint => b & BigInt(bits - 1);

const aluCases: readonly [name: string, op: number, off: number, Operation][] = [
  ["add", AluOp.Add, 0, (_, a, b) => a + b],
  ["sub", AluOp.Sub, 0, (_, a, b) => a - b],
  ["mul", AluOp.Mul, 0, (_, a, b) => a * b],
  ["div", AluOp.Div, 0, (_, a, b) => (b === 0n ? 0n : a / b)],
  ["sdiv", AluOp.Div, 1, (n, a, b) => (b === 0n ? 0n : signed(n, a) / signed(n, b))],
  ["mod", AluOp.Mod, 0, (_, a, b) => (b === 0n ? a : a % b)],
  ["smod", AluOp.Mod, 1, (n, a, b) => (b === 0n ? a : signed(n, a) % signed(n, b))],
  ["or", AluOp.Or, 0, (_, a, b) => a | b],
  ["and", AluOp.And, 0, (_, a, b) => a & b],
  ["xor", AluOp.Xor, 0, (_, a, b) => a ^ b],
  ["lsh", AluOp.Lsh, 0, (n, a, b) => a << shift(n, b)],
  ["rsh", AluOp.Rsh, 0, (n, a, b) => a >> shift(n, b)],
  ["arsh", AluOp.Arsh, 0, (n, a, b) => signed(n, a) >> shift(n, b)],
  ["mov", AluOp.Mov, 0, (_, _a, b) => b],
  ["movsx8", AluOp.Mov, 8, (_, _a, b) => signed(8, b)],
  ["movsx16", AluOp.Mov, 16, (_, _a, b) => signed(16, b)],
  ["movsx32", AluOp.Mov, 32, (_, _a, b) => signed(32, b)],
];

const jumpCases: readonly [name: string, op: number, (bits: number, a: bigint, b: bigint) => boolean][] = [
  ["jeq", JumpOp.Jeq, (_, a, b) => a === b],
  ["jne", JumpOp.Jne, (_, a, b) => a !== b],
  ["jgt", JumpOp.Jgt, (_, a, b) => a > b],
  ["jge", JumpOp.Jge, (_, a, b) => a >= b],
  ["jlt", JumpOp.Jlt, (_, a, b) => a < b],
  ["jle", JumpOp.Jle, (_, a, b) => a <= b],
  ["jset", JumpOp.Jset, (_, a, b) => (a & b) !== 0n],
  ["jsgt", JumpOp.Jsgt, (n, a, b) => signed(n, a) > signed(n, b)],
  ["jsge", JumpOp.Jsge, (n, a, b) => signed(n, a) >= signed(n, b)],
  ["jslt", JumpOp.Jslt, (n, a, b) => signed(n, a) < signed(n, b)],
  ["jsle", JumpOp.Jsle, (n, a, b) => signed(n, a) <= signed(n, b)],
];

function insn(opcode: number, fields: Partial<Instruction>): Instruction {
  return { opcode, dst: 0, src: 0, off: 0, imm: 0, immHigh: 0, ...fields };
}

/** Program: r1 = second, r0 = first, then `operate`, then exit. The context holds first and second. */
function binary(operate: readonly Instruction[]): Instruction[] {
  return [...assemble("r0 = *(u64 *)(r1 +0)\nr1 = *(u64 *)(r1 +8)"), ...operate, ...assemble("exit")];
}

for (const engine of engines) {
  const lab = new Lab(engine);
  const { memory } = lab.world;
  const context = lab.context(new Uint8Array(16));
  const evaluate = (program: ReturnType<Lab["load"]>, a: bigint, b: bigint): bigint => {
    memory.view.setBigUint64(context, a, true);
    memory.view.setBigUint64(context + 8, b, true);
    return program.run(memory.addressOf(context));
  };
  const rules = "isa";

  for (const [name, operation, off, expected] of aluCases) {
    for (const bits of [64, 32]) {
      if (off === 32 && bits === 32) continue;
      const family = bits === 64 ? Class.Alu64 : Class.Alu;
      const narrow = (x: bigint): bigint => BigInt.asUintN(bits, x);
      test(`${engine}: ${name}${bits}`, () => {
        const program = lab.load(binary([insn(family | operation | Source.X, { src: 1, off })]), { rules });
        for (const a of values) {
          for (const b of values) {
            const want = narrow(expected(bits, narrow(a), narrow(b)));
            assert.is(evaluate(program, a, b), want, `0x${a.toString(16)}, 0x${b.toString(16)}`);
          }
        }
        if (off > 1) return;
        for (const imm of immediates) {
          const constant = lab.load(binary([insn(family | operation, { imm, off })]), { rules });
          for (const a of values) {
            const want = narrow(expected(bits, narrow(a), narrow(BigInt(imm))));
            assert.is(evaluate(constant, a, 0n), want, `0x${a.toString(16)}, constant ${imm}`);
          }
        }
      });
    }
  }

  for (const [name, operation, expected] of jumpCases) {
    for (const bits of [64, 32]) {
      const family = bits === 64 ? Class.Jmp : Class.Jmp32;
      const narrow = (x: bigint): bigint => BigInt.asUintN(bits, x);
      const tail = assemble("r0 = 0\nexit\nr0 = 1");
      test(`${engine}: ${name}${bits}`, () => {
        const program = lab.load(binary([insn(family | operation | Source.X, { src: 1, off: 2 }), ...tail]));
        for (const a of values) {
          for (const b of values) {
            const want = expected(bits, narrow(a), narrow(b)) ? 1n : 0n;
            assert.is(evaluate(program, a, b), want, `0x${a.toString(16)}, 0x${b.toString(16)}`);
          }
        }
        for (const imm of immediates) {
          const constant = lab.load(binary([insn(family | operation, { imm, off: 2 }), ...tail]));
          for (const a of values) {
            const want = expected(bits, narrow(a), narrow(BigInt(imm))) ? 1n : 0n;
            assert.is(evaluate(constant, a, 0n), want, `0x${a.toString(16)}, constant ${imm}`);
          }
        }
      });
    }
  }

  const reversed = (bits: number, a: bigint): bigint => {
    const digits = BigInt.asUintN(bits, a)
      .toString(16)
      .padStart(bits / 4, "0");
    return BigInt(`0x${(digits.match(/../g) as string[]).reverse().join("")}`);
  };
  for (const bits of [16, 32, 64]) {
    test(`${engine}: byte order of ${bits} bits, and negation`, () => {
      const load = (opcode: number, imm: number) => lab.load(binary([insn(opcode, { imm })]));
      const [little, big, swap] = [load(0xd4, bits), load(0xdc, bits), load(0xd7, bits)];
      const [negate, negate32] = [load(0x87, 0), load(0x84, 0)];
      for (const a of values) {
        assert.is(evaluate(little, a, 0n), BigInt.asUintN(bits, a));
        assert.is(evaluate(big, a, 0n), reversed(bits, a));
        assert.is(evaluate(swap, a, 0n), reversed(bits, a));
        assert.is(evaluate(negate, a, 0n), BigInt.asUintN(64, -a));
        assert.is(evaluate(negate32, a, 0n), BigInt.asUintN(32, -a));
      }
    });
  }

  test(`${engine}: 64-bit constants`, () => {
    for (const a of values) {
      assert.is(evaluate(lab.load([loadImm64(0, a), ...assemble("exit")]), 0n, 0n), a);
    }
  });
}

test.run();
