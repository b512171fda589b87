/** Writes a relocation's answer into its instruction, or makes the instruction one that the verifier refuses. */
import { Class, classOf, type Instruction, loadImm64Opcode, Source } from "@bpfkit/elf/isa";
import type { RelocationValue } from "./value.ts";

/** libbpf's number for the helper that poisoned instructions call ("bad relo"): logs name it. */
export const poisonHelper = 195896080;

/** Why an instruction could not be patched, in words for the report. */
export type PatchResult =
  | { readonly kind: "patched"; readonly instructions: readonly Instruction[] }
  | { readonly kind: "poisoned"; readonly instructions: readonly Instruction[]; readonly reason: string }
  | { readonly kind: "refused"; readonly reason: string };

/** The local and the target's answer; `target` undefined: there is none, so the instruction must never run. */
export interface PatchRequest {
  readonly local: RelocationValue;
  readonly target: RelocationValue | undefined;
}

const sizeCodes: ReadonlyMap<number, number> = new Map([
  [1, 0x10],
  [2, 0x08],
  [4, 0x00],
  [8, 0x18],
]);
const codeSizes: ReadonlyMap<number, number> = new Map([...sizeCodes].map(([size, code]) => [code, size]));

/** Patches one instruction. The slots it takes stay the same. */
export function patchInstruction(instruction: Instruction, request: PatchRequest): PatchResult {
  const { target } = request;
  if (target === undefined) return poison(instruction, "the target kernel has no such field or type");
  switch (classOf(instruction.opcode)) {
    case Class.Ld:
      return patchLoadImmediate(instruction, request.local, target);
    case Class.Alu:
    case Class.Alu64:
      return patchArithmetic(instruction, request.local, target);
    case Class.Ldx:
    case Class.St:
    case Class.Stx:
      return patchMemory(instruction, request.local, target);
    default:
      return {
        kind: "refused",
        reason: `it is on an instruction with opcode 0x${instruction.opcode.toString(16)}`,
      };
  }
}

/** Calls to a helper that no kernel has: one for each slot. */
function poison(instruction: Instruction, reason: string): PatchResult {
  const call: Instruction = { opcode: 0x85, dst: 0, src: 0, off: 0, imm: poisonHelper, immHigh: 0 };
  const meta = instruction.meta === undefined ? call : { ...call, meta: instruction.meta };
  const instructions = instruction.opcode === loadImm64Opcode ? [meta, meta] : [meta];
  return { kind: "poisoned", instructions, reason };
}

function patched(instruction: Instruction): PatchResult {
  return { kind: "patched", instructions: [instruction] };
}

function unexpected(local: RelocationValue, found: bigint | number): PatchResult {
  return {
    kind: "refused",
    reason: `the instruction holds ${found} where the object's types say ${local.value}`,
  };
}

function patchLoadImmediate(
  instruction: Instruction,
  local: RelocationValue,
  target: RelocationValue,
): PatchResult {
  if (instruction.opcode !== loadImm64Opcode || instruction.src !== 0) {
    return { kind: "refused", reason: "it is on a load that is no 64-bit immediate" };
  }
  const held = (BigInt(instruction.immHigh >>> 0) << 32n) | BigInt(instruction.imm >>> 0);
  if (local.validate && held !== local.value) return unexpected(local, held);
  const low = Number(BigInt.asIntN(32, target.value));
  const high = Number(BigInt.asIntN(32, target.value >> 32n));
  return patched({ ...instruction, imm: low, immHigh: high });
}

function patchArithmetic(
  instruction: Instruction,
  local: RelocationValue,
  target: RelocationValue,
): PatchResult {
  if ((instruction.opcode & 0x08) !== Source.K) {
    return { kind: "refused", reason: "it is on an arithmetic instruction without an immediate" };
  }
  const low = (value: bigint): number => Number(BigInt.asIntN(32, value));
  if (local.validate && instruction.imm !== low(local.value)) return unexpected(local, instruction.imm);
  return patched({ ...instruction, imm: low(target.value) });
}

function patchMemory(instruction: Instruction, local: RelocationValue, target: RelocationValue): PatchResult {
  if (local.validate && BigInt(instruction.off) !== local.value) return unexpected(local, instruction.off);
  if (target.value > 32767n) {
    return {
      kind: "refused",
      reason: `the field's offset ${target.value} is too far for a load (limit 32767)`,
    };
  }
  const moved = { ...instruction, off: Number(target.value) };
  const from = local.field;
  const to = target.field;
  if (from === undefined || to === undefined || from.size === to.size) return patched(moved);
  // Only zero-extending loads may change their width: pointers and unsigned integers.
  const adjustable = (from.pointer && to.pointer) || (from.unsignedInteger && to.unsignedInteger);
  if (!adjustable) {
    return poison(
      instruction,
      `the field has ${to.size} bytes in the target kernel and ${from.size} in the object`,
    );
  }
  const width = codeSizes.get(instruction.opcode & 0x18);
  const code = sizeCodes.get(to.size);
  if (width !== from.size || code === undefined) {
    return { kind: "refused", reason: `a load of ${width} bytes cannot become one of ${to.size} bytes` };
  }
  return patched({ ...moved, opcode: (instruction.opcode & ~0x18) | code });
}
