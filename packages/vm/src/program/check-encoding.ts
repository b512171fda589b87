/** Load-time checks of single instructions: known opcodes, reserved fields, registers, constant operands. */
import { AluOp, AtomicOp, Class, JumpOp, loadImm64Opcode, Mode, Size, Source } from "@bpfkit/elf/isa";
import type { ProgramImage } from "./image.ts";
import type { Rules } from "./program.ts";
import type { Rejecter } from "./rejection.ts";

/** Checks every slot. Refuses with the verifier's words. */
export function checkEncoding(image: ProgramImage, reject: Rejecter, rules: Rules): void {
  for (let slot = 0; slot < image.slotCount; slot = image.nextSlot(slot)) {
    const family = (image.opcode[slot] as number) & 7;
    if ((image.dst[slot] as number) > 10) reject.at(slot, `R${image.dst[slot]} is invalid`);
    if ((image.src[slot] as number) > 10) reject.at(slot, `R${image.src[slot]} is invalid`);
    if (family === Class.Alu || family === Class.Alu64) checkAlu(image, slot, reject, rules);
    else if (family === Class.Jmp || family === Class.Jmp32) checkJump(image, slot, reject, rules);
    else if (family === Class.Ld) checkWideLoad(image, slot, reject);
    else checkMemory(image, slot, reject);
  }
}

function unknownOpcode(image: ProgramImage, slot: number, reject: Rejecter): never {
  return reject.at(slot, `unknown opcode ${(image.opcode[slot] as number).toString(16).padStart(2, "0")}`);
}

function checkAlu(image: ProgramImage, slot: number, reject: Rejecter, rules: Rules): void {
  const opcode = image.opcode[slot] as number;
  const operation = opcode & 0xf0;
  const register = (opcode & Source.X) !== 0;
  const wide = (opcode & 7) === Class.Alu64;
  const src = image.src[slot] as number;
  const off = image.off[slot] as number;
  const imm = image.imm[slot] as number;
  if (operation > AluOp.End) reject.at(slot, `invalid BPF_ALU opcode ${opcode.toString(16)}`);
  if (image.dst[slot] === 10) reject.at(slot, "frame pointer is read only");
  if (operation === AluOp.End) {
    const widthIsKnown = imm === 16 || imm === 32 || imm === 64;
    if (src !== 0 || off !== 0 || !widthIsKnown || (wide && register)) {
      reject.at(slot, "BPF_END uses reserved fields");
    }
    return;
  }
  if (operation === AluOp.Neg) {
    if (register || src !== 0 || off !== 0 || imm !== 0) reject.at(slot, "BPF_NEG uses reserved fields");
    return;
  }
  if (!offsetIsKnown(operation, register, wide, off) || (register ? imm !== 0 : src !== 0)) {
    reject.at(
      slot,
      operation === AluOp.Mov ? "BPF_MOV uses reserved fields" : "BPF_ALU uses reserved fields",
    );
  }
  if (register || rules === "isa") return;
  if ((operation === AluOp.Div || operation === AluOp.Mod) && imm === 0) reject.at(slot, "div by zero");
  const shift = operation === AluOp.Lsh || operation === AluOp.Rsh || operation === AluOp.Arsh;
  if (shift && (imm < 0 || imm >= (wide ? 64 : 32))) reject.at(slot, `invalid shift ${imm}`);
}

/** ISA v4 gives the offset of arithmetic a meaning: signed division, and moves that extend a sign. */
function offsetIsKnown(operation: number, register: boolean, wide: boolean, off: number): boolean {
  if (off === 0) return true;
  if (operation === AluOp.Div || operation === AluOp.Mod) return off === 1;
  if (operation !== AluOp.Mov || !register) return false;
  return off === 8 || off === 16 || (off === 32 && wide);
}

function checkJump(image: ProgramImage, slot: number, reject: Rejecter, rules: Rules): void {
  const opcode = image.opcode[slot] as number;
  const operation = opcode & 0xf0;
  const short = (opcode & 7) === Class.Jmp;
  const register = (opcode & Source.X) !== 0;
  const [dst, src, off, imm] = [image.dst[slot], image.src[slot], image.off[slot], image.imm[slot]];
  switch (operation) {
    case JumpOp.Ja: {
      if (register) unknownOpcode(image, slot, reject);
      const unused = short ? imm : off;
      if (dst !== 0 || src !== 0 || unused !== 0) reject.at(slot, "BPF_JA uses reserved fields");
      return;
    }
    case JumpOp.Call:
      if (rules === "isa" && image.isRegisterCall(slot) && src === 0 && off === 0 && imm === 0) return;
      if (!short || register) unknownOpcode(image, slot, reject);
      if (dst !== 0 || off !== 0 || (src as number) > 2) reject.at(slot, "BPF_CALL uses reserved fields");
      return;
    case JumpOp.Exit:
      if (!short || register) unknownOpcode(image, slot, reject);
      if (dst !== 0 || src !== 0 || off !== 0 || imm !== 0) reject.at(slot, "BPF_EXIT uses reserved fields");
      return;
    case JumpOp.Jcond:
      if (!image.isMayGoto(slot)) unknownOpcode(image, slot, reject);
      // The source tells forms of the instruction apart; may_goto (0) is the only one.
      if (dst !== 0 || src !== 0 || imm !== 0) reject.at(slot, `invalid may_goto imm ${imm}`);
      return;
    case 0xf0:
      reject.at(slot, `invalid BPF_JMP opcode ${opcode.toString(16)}`);
      return;
    default:
      if (register ? imm !== 0 : src !== 0) reject.at(slot, "BPF_JMP uses reserved fields");
  }
}

function checkWideLoad(image: ProgramImage, slot: number, reject: Rejecter): void {
  const opcode = image.opcode[slot] as number;
  if (opcode !== loadImm64Opcode) {
    const legacy = (opcode & 0xe0) === Mode.Abs || (opcode & 0xe0) === Mode.Ind;
    if (!legacy) unknownOpcode(image, slot, reject);
    reject.at(slot, "BPF_LD_[ABS|IND] instructions not allowed for this program type");
  }
  const second = slot + 1;
  const missing = second >= image.slotCount;
  const empty =
    image.opcode[second] === 0 &&
    image.dst[second] === 0 &&
    image.src[second] === 0 &&
    image.off[second] === 0;
  if (missing || !empty) reject.at(slot, "invalid bpf_ld_imm64 insn");
  if (image.off[slot] !== 0) reject.at(slot, "BPF_LD_IMM64 uses reserved fields");
  if (image.dst[slot] === 10) reject.at(slot, "frame pointer is read only");
  if ((image.src[slot] as number) > 6) reject.at(slot, "unrecognized bpf_ld_imm64 insn");
}

function checkMemory(image: ProgramImage, slot: number, reject: Rejecter): void {
  const opcode = image.opcode[slot] as number;
  const mode = opcode & 0xe0;
  const family = opcode & 7;
  const wide = (opcode & 0x18) === Size.DW;
  if (family === Class.Ldx) {
    if (mode !== Mode.Mem && !(mode === Mode.MemSx && !wide)) unknownOpcode(image, slot, reject);
    if (image.imm[slot] !== 0) reject.at(slot, "BPF_LDX uses reserved fields");
    if (image.dst[slot] === 10) reject.at(slot, "frame pointer is read only");
    return;
  }
  if (family === Class.St) {
    if (mode !== Mode.Mem) unknownOpcode(image, slot, reject);
    if (image.src[slot] !== 0) reject.at(slot, "BPF_ST uses reserved fields");
    return;
  }
  if (mode === Mode.Mem) {
    if (image.imm[slot] !== 0) reject.at(slot, "BPF_STX uses reserved fields");
    return;
  }
  if (mode !== Mode.Atomic) unknownOpcode(image, slot, reject);
  checkAtomic(image, slot, reject);
}

/** Atomic operations of Linux 5.12, on 32 and 64 bits; the acquire and release forms of 6.15 take every size. */
const atomicOps: ReadonlySet<number> = new Set<number>([
  AtomicOp.Add,
  AtomicOp.And,
  AtomicOp.Or,
  AtomicOp.Xor,
  AtomicOp.FetchAdd,
  AtomicOp.FetchAnd,
  AtomicOp.FetchOr,
  AtomicOp.FetchXor,
  AtomicOp.Xchg,
  AtomicOp.Cmpxchg,
]);

function checkAtomic(image: ProgramImage, slot: number, reject: Rejecter): void {
  const operation = image.imm[slot] as number;
  if (operation === AtomicOp.LoadAcquire || operation === AtomicOp.StoreRelease) {
    const writesFrame = operation === AtomicOp.LoadAcquire && image.dst[slot] === 10;
    if (writesFrame) reject.at(slot, "frame pointer is read only");
    return;
  }
  const size = (image.opcode[slot] as number) & 0x18;
  if (size !== Size.W && size !== Size.DW) reject.at(slot, "invalid atomic operand size");
  if (!atomicOps.has(operation)) {
    reject.at(slot, `BPF_ATOMIC uses invalid atomic opcode ${(operation >>> 0).toString(16)}`);
  }
  const fetches = (operation & 1) !== 0 && operation !== AtomicOp.Cmpxchg;
  if (fetches && image.src[slot] === 10) reject.at(slot, "frame pointer is read only");
}
