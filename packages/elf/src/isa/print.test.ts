/** Tests of instruction text, against the kernel's verifier. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  AluOp,
  AtomicOp,
  alu32Imm,
  alu32Reg,
  alu64Imm,
  alu64Reg,
  assemble,
  atomicAdd,
  atomicCompareExchange,
  atomicExchange,
  atomicFetch,
  atomicUpdate,
  byteSwap,
  callHelper,
  callKfunc,
  callLocal,
  exit,
  type Instruction,
  JumpOp,
  jump,
  jump32Imm,
  jump32Reg,
  jump64Imm,
  jump64Reg,
  jumpLong,
  loadAbsolute,
  loadAcquire,
  loadFunction,
  loadImm64,
  loadIndirect,
  loadMapFd,
  loadMapValue,
  loadMem,
  loadMemSigned,
  mayGoto,
  mov32,
  mov32Imm,
  mov64,
  mov64Imm,
  movSignExtend32,
  movSignExtend64,
  neg32,
  neg64,
  printInstruction,
  Size,
  signedAlu32Imm,
  signedAlu32Reg,
  signedAlu64Imm,
  signedAlu64Reg,
  storeImm,
  storeMem,
  storeRelease,
  toBigEndian,
  toLittleEndian,
  withMeta,
} from "./index.ts";

/** The kernel's text for an instruction; also what the assembler must read back. */
const table: readonly (readonly [string, Instruction])[] = [
  ["r0 = 0", mov64Imm(0, 0)],
  ["r1 = -1", mov64Imm(1, -1)],
  ["r1 = r10", mov64(1, 10)],
  ["w1 = w2", mov32(1, 2)],
  ["w1 = 2147483647", mov32Imm(1, 0x7fffffff)],
  ["r1 += 8", alu64Imm(AluOp.Add, 1, 8)],
  ["r1 += r2", alu64Reg(AluOp.Add, 1, 2)],
  ["r1 -= r2", alu64Reg(AluOp.Sub, 1, 2)],
  ["r1 *= 3", alu64Imm(AluOp.Mul, 1, 3)],
  ["r1 /= r2", alu64Reg(AluOp.Div, 1, 2)],
  ["r1 |= -256", alu64Imm(AluOp.Or, 1, -256)],
  ["r1 &= r2", alu64Reg(AluOp.And, 1, 2)],
  ["r1 <<= 32", alu64Imm(AluOp.Lsh, 1, 32)],
  ["r1 >>= 32", alu64Imm(AluOp.Rsh, 1, 32)],
  ["r1 s>>= 32", alu64Imm(AluOp.Arsh, 1, 32)],
  ["r1 s>>= r2", alu64Reg(AluOp.Arsh, 1, 2)],
  ["r1 %= 10", alu64Imm(AluOp.Mod, 1, 10)],
  ["r1 ^= r2", alu64Reg(AluOp.Xor, 1, 2)],
  ["w1 += 8", alu32Imm(AluOp.Add, 1, 8)],
  ["w1 ^= w2", alu32Reg(AluOp.Xor, 1, 2)],
  ["w1 s>>= 7", alu32Imm(AluOp.Arsh, 1, 7)],
  ["r1 s/= r2", signedAlu64Reg(AluOp.Div, 1, 2)],
  ["r1 s%= -7", signedAlu64Imm(AluOp.Mod, 1, -7)],
  ["w1 s%= w2", signedAlu32Reg(AluOp.Mod, 1, 2)],
  ["w1 s/= 9", signedAlu32Imm(AluOp.Div, 1, 9)],
  ["r1 = -r1", neg64(1)],
  ["w9 = -w9", neg32(9)],
  ["r1 = (s8)r2", movSignExtend64(1, 2, 8)],
  ["r1 = (s16)r2", movSignExtend64(1, 2, 16)],
  ["r1 = (s32)r2", movSignExtend64(1, 2, 32)],
  ["w1 = (s16)w2", movSignExtend32(1, 2, 16)],
  ["r1 = be16 r1", toBigEndian(1, 16)],
  ["r1 = le32 r1", toLittleEndian(1, 32)],
  ["r1 = bswap64 r1", byteSwap(1, 64)],
  ["goto pc+3", jump(3)],
  ["goto pc-32768", jump(-32768)],
  ["gotol pc+100000", jumpLong(100000)],
  ["may_goto pc+2", mayGoto(2)],
  ["if r1 == 0x0 goto pc+3", jump64Imm(JumpOp.Jeq, 1, 0, 3)],
  ["if r1 != 0xffffffff goto pc+3", jump64Imm(JumpOp.Jne, 1, -1, 3)],
  ["if r1 > r2 goto pc-7", jump64Reg(JumpOp.Jgt, 1, 2, -7)],
  ["if r1 >= 0x64 goto pc+0", jump64Imm(JumpOp.Jge, 1, 100, 0)],
  ["if r1 & 0x40 goto pc+1", jump64Imm(JumpOp.Jset, 1, 64, 1)],
  ["if r1 s> r2 goto pc+1", jump64Reg(JumpOp.Jsgt, 1, 2, 1)],
  ["if r1 s>= 0x5 goto pc+1", jump64Imm(JumpOp.Jsge, 1, 5, 1)],
  ["if r1 < r2 goto pc+1", jump64Reg(JumpOp.Jlt, 1, 2, 1)],
  ["if r1 <= 0x5 goto pc+1", jump64Imm(JumpOp.Jle, 1, 5, 1)],
  ["if r1 s< r2 goto pc+1", jump64Reg(JumpOp.Jslt, 1, 2, 1)],
  ["if r1 s<= 0x5 goto pc+1", jump64Imm(JumpOp.Jsle, 1, 5, 1)],
  ["if w1 s> 0x5 goto pc+3", jump32Imm(JumpOp.Jsgt, 1, 5, 3)],
  ["if w1 != w2 goto pc+3", jump32Reg(JumpOp.Jne, 1, 2, 3)],
  ["call bpf_map_lookup_elem#1", callHelper(1)],
  ["call bpf_user_ringbuf_drain#209", callHelper(209)],
  ["call unknown#4000", callHelper(4000)],
  ["call pc+12", callLocal(12)],
  ["call kernel-function#77", callKfunc(77)],
  ["exit", exit()],
  ["r1 = *(u8 *)(r2 +0)", loadMem(Size.B, 1, 2, 0)],
  ["r1 = *(u16 *)(r2 +2)", loadMem(Size.H, 1, 2, 2)],
  ["r1 = *(u32 *)(r6 +8)", loadMem(Size.W, 1, 6, 8)],
  ["r1 = *(u64 *)(r10 -8)", loadMem(Size.DW, 1, 10, -8)],
  ["r1 = *(s8 *)(r2 +0)", loadMemSigned(Size.B, 1, 2, 0)],
  ["r1 = *(s16 *)(r2 +0)", loadMemSigned(Size.H, 1, 2, 0)],
  ["r1 = *(s32 *)(r2 +0)", loadMemSigned(Size.W, 1, 2, 0)],
  ["*(u8 *)(r10 -1) = r1", storeMem(Size.B, 10, -1, 1)],
  ["*(u64 *)(r10 -16) = r10", storeMem(Size.DW, 10, -16, 10)],
  ["*(u16 *)(r10 -2) = 513", storeImm(Size.H, 10, -2, 513)],
  ["*(u64 *)(r10 -8) = -1", storeImm(Size.DW, 10, -8, -1)],
  ["r1 = 0x0", loadImm64(1, 0n)],
  ["r1 = 0x12345678abcdef01", loadImm64(1, 0x12345678abcdef01n)],
  ["r1 = 0xffffffffffffffff", loadImm64(1, -1n)],
  ["r1 = map[fd:5]", loadMapFd(1, 5)],
  ["r1 = map[fd:5][0]+16", loadMapValue(1, 5, 16)],
  ["r2 = subprog[+9]", loadFunction(2, 9)],
  ["r0 = *(u16 *)skb[12]", loadAbsolute(Size.H, 12)],
  ["r0 = *(u8 *)skb[r7 + -4]", loadIndirect(Size.B, 7, -4)],
  ["lock *(u64 *)(r1 +0) += r2", atomicAdd(Size.DW, 1, 0, 2)],
  ["lock *(u32 *)(r1 -4) |= r2", atomicUpdate(AtomicOp.Or, Size.W, 1, -4, 2)],
  ["lock *(u64 *)(r1 +0) &= r2", atomicUpdate(AtomicOp.And, Size.DW, 1, 0, 2)],
  ["lock *(u64 *)(r1 +0) ^= r2", atomicUpdate(AtomicOp.Xor, Size.DW, 1, 0, 2)],
  ["r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)", atomicFetch(AtomicOp.Add, Size.DW, 1, 0, 2)],
  ["r2 = atomic_fetch_xor((u32 *)(r1 +4), r2)", atomicFetch(AtomicOp.Xor, Size.W, 1, 4, 2)],
  ["r2 = atomic64_xchg((u64 *)(r1 +0), r2)", atomicExchange(Size.DW, 1, 0, 2)],
  ["r0 = atomic_cmpxchg((u32 *)(r1 +0), r0, r2)", atomicCompareExchange(Size.W, 1, 0, 2)],
  ["r1 = load_acquire((u64 *)(r2 +8))", loadAcquire(Size.DW, 1, 2, 8)],
  ["store_release((u8 *)(r1 -1), r2)", storeRelease(Size.B, 1, -1, 2)],
];

for (const [text, instruction] of table) {
  test(`prints and reads back: ${text}`, () => {
    assert.is(printInstruction(instruction), text);
    assert.equal(assemble(text), [instruction]);
  });
}

test("every opcode prints as something, unknown ones as BUG_", () => {
  for (let opcode = 0; opcode < 256; opcode++) {
    for (const imm of [0, 1, 0xe1, 0x77]) {
      const text = printInstruction({ opcode, dst: 1, src: 2, off: 3, imm, immHigh: 0 });
      assert.ok(/^(BUG_[0-9a-f]{2}|[a-z*].+)$/.test(text), `0x${opcode.toString(16)}: ${text}`);
      assert.not.match(text, /undefined|NaN/);
    }
  }
});

test("symbols of relocations appear where the value is not known yet", () => {
  const meta = { symbol: "events" };
  assert.is(printInstruction(withMeta(loadImm64(1, 0n), meta)), "r1 = events ll");
  assert.is(printInstruction(withMeta(loadImm64(1, 8n), meta)), "r1 = events+8 ll");
  assert.is(printInstruction(withMeta(loadMapFd(1, 0), meta)), "r1 = map[events]");
  assert.is(printInstruction(withMeta(callLocal(-1), { symbol: "helper" })), "call helper");
  assert.is(
    printInstruction(withMeta(callKfunc(9), { symbol: "bpf_rcu_read_lock" })),
    "call bpf_rcu_read_lock#9",
  );
});

test.run();
