/** Finds instructions that known constants keep from ever running, as the kernel's verifier does (v6.1, check_cond_jmp_op). */
import { AluOp, Class, JumpOp, Source } from "@bpfkit/elf/isa";
import type { ProgramImage } from "./image.ts";

/** r0 to r9; undefined where the value is not known. */
type Registers = (bigint | undefined)[];

/** Registers only ever become unknown, so an instruction is visited eleven times at most. */
const registerCount = 10;

/**
 * Slots that some path reaches. Only constants in registers are followed: those that CO-RE writes for
 * `bpf_core_field_exists` and its kin, so that what such a condition guards may be missing from the kernel.
 */
export function reachableSlots(image: ProgramImage): Uint8Array {
  const states = new Map<number, Registers>();
  const reached = new Uint8Array(image.slotCount);
  const pending: number[] = [];
  const enter = (slot: number, registers: Registers): void => {
    if (slot < 0 || slot >= image.slotCount) return;
    const known = states.get(slot);
    reached[slot] = 1;
    if (known === undefined) {
      states.set(slot, [...registers]);
      pending.push(slot);
      return;
    }
    let changed = false;
    for (let register = 0; register < registerCount; register++) {
      if (known[register] === undefined || known[register] === registers[register]) continue;
      known[register] = undefined;
      changed = true;
    }
    if (changed) pending.push(slot);
  };
  const unknown: Registers = new Array<bigint | undefined>(registerCount).fill(undefined);
  for (const { start } of image.functions) enter(start, unknown);
  for (let slot = pending.pop(); slot !== undefined; slot = pending.pop()) {
    const registers = [...(states.get(slot) ?? unknown)];
    if (image.isExit(slot)) continue;
    if (image.isJump(slot)) {
      const taken = image.isUnconditionalJump(slot) ? true : branchTaken(image, slot, registers);
      if (taken !== false) enter(image.jumpTarget(slot), registers);
      if (taken !== true) enter(slot + 1, registers);
      continue;
    }
    step(image, slot, registers);
    enter(image.nextSlot(slot), registers);
  }
  return reached;
}

/** Whether a comparison for equality is known; other comparisons are left open. */
function branchTaken(image: ProgramImage, slot: number, registers: Registers): boolean | undefined {
  const opcode = image.opcode[slot] as number;
  const operation = opcode & 0xf0;
  if (operation !== JumpOp.Jeq && operation !== JumpOp.Jne) return undefined;
  let left = registers[image.dst[slot] as number];
  let right =
    (opcode & Source.X) === 0
      ? BigInt.asUintN(64, BigInt(image.imm[slot] as number))
      : registers[image.src[slot] as number];
  if (left === undefined || right === undefined) return undefined;
  if ((opcode & 7) === Class.Jmp32) {
    left = BigInt.asUintN(32, left);
    right = BigInt.asUintN(32, right);
  }
  return (left === right) === (operation === JumpOp.Jeq);
}

/** What an instruction that is no jump does to the registers. */
function step(image: ProgramImage, slot: number, registers: Registers): void {
  const opcode = image.opcode[slot] as number;
  const family = opcode & 7;
  const dst = image.dst[slot] as number;
  if (image.isCall(slot) || image.isRegisterCall(slot)) {
    for (let register = 0; register <= 5; register++) registers[register] = undefined;
  } else if (family === Class.Alu || family === Class.Alu64) {
    registers[dst] = computed(image, slot, registers);
  } else if (family === Class.Ld || image.isMemoryLoad(slot)) {
    registers[dst] = undefined;
    // The old packet loads (BPF_ABS, BPF_IND) are calls: they give r0 and clobber r1 to r5.
    if (family === Class.Ld && !image.isWideLoad(slot)) registers.fill(undefined, 0, 6);
  } else {
    // Atomic operations give the old value in the source register or in r0.
    registers[image.src[slot] as number] = undefined;
    registers[0] = undefined;
  }
}

/** The result of a move or of a simple operation with a constant; undefined for everything else. */
function computed(image: ProgramImage, slot: number, registers: Registers): bigint | undefined {
  const opcode = image.opcode[slot] as number;
  const wide = (opcode & 7) === Class.Alu64;
  if (image.off[slot] !== 0) return undefined;
  const operand =
    (opcode & Source.X) === 0 ? BigInt(image.imm[slot] as number) : registers[image.src[slot] as number];
  const before = registers[image.dst[slot] as number];
  if (operand === undefined) return undefined;
  const width = wide ? 64 : 32;
  const left = before === undefined ? undefined : BigInt.asUintN(width, before);
  const right = BigInt.asUintN(width, operand);
  const result = operate(opcode & 0xf0, left, right, width);
  return result === undefined ? undefined : BigInt.asUintN(width, result);
}

function operate(
  operation: number,
  left: bigint | undefined,
  right: bigint,
  width: number,
): bigint | undefined {
  if (operation === AluOp.Mov) return right;
  if (left === undefined) return undefined;
  if (operation === AluOp.And) return left & right;
  if (operation === AluOp.Or) return left | right;
  if (operation === AluOp.Xor) return left ^ right;
  if (operation === AluOp.Add) return left + right;
  if (operation === AluOp.Lsh) return left << (right % BigInt(width));
  if (operation === AluOp.Rsh) return left >> (right % BigInt(width));
  return undefined;
}
