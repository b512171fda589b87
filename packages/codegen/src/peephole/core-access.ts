/**
 * CO-RE offsets that are only added to a pointer for loads and stores go into those instructions, so that libbpf
 * patches their offset fields; a CO-RE shift amount goes into the shift. (LLVM: BPFMISimplifyPatchable.)
 */
import type { MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { forEachUse } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { isVirtual, noRegister } from "../machine/register.ts";
import { definitionsOf } from "./known-bits.ts";

/** Folds CO-RE values of SSA code into the instructions that use them. */
export function foldCoreValues(fn: MachineFunction): void {
  if (!hasCoreValues(fn)) return;
  const definitions = definitionsOf(fn);
  const users = usersOf(fn);
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      if (insn.opcode !== "alu" || insn.b === noRegister) continue;
      if (insn.operation === "add" && insn.width === 64) foldAddition(insn, definitions, users);
      else if (insn.operation === "shl" || insn.operation === "lshr" || insn.operation === "ashr") {
        const amount = coreValue(definitions, insn.b);
        if (amount === undefined || insn.width !== 64) continue;
        insn.symbol = amount.symbol;
        insn.imm = coreImmediate(amount.symbol);
        insn.b = noRegister;
      }
    }
  }
}

function hasCoreValues(fn: MachineFunction): boolean {
  return fn.blocks.some((block) => block.instructions.some((insn) => insn.opcode === "core-value"));
}

/**
 * The number in the name of a relocation global: what the field's offset is before relocation. Zero for type ids,
 * which only the BTF writer knows.
 */
export function coreValueBefore(symbol: string): bigint {
  const match = /:(-?\d+)\$/.exec(symbol);
  return match === null ? 0n : BigInt(match[1]!);
}

/** The number in the name of a relocation global as an offset or shift amount. */
export function coreImmediate(symbol: string): number {
  return Number(coreValueBefore(symbol));
}

/** True for relocations whose value has 64 bits: type ids (kinds 6 and 7) and enumerators (10 and 11). */
export function isWideCoreValue(symbol: string): boolean {
  return symbol.startsWith("llvm.btf_type_id.") || /:1[01]:-?\d+\$/.test(symbol);
}

function coreValue(
  definitions: readonly (MachineInstruction | undefined)[],
  register: Register,
): MachineInstruction | undefined {
  const insn = definitions[register];
  return insn?.opcode === "core-value" ? insn : undefined;
}

function usersOf(fn: MachineFunction): MachineInstruction[][] {
  const users: MachineInstruction[][] = [];
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      forEachUse(insn, (register) => {
        if (!isVirtual(register)) return;
        const list = users[register];
        if (list === undefined) users[register] = [insn];
        else list.push(insn);
      });
    }
    // A phi is no load: it keeps the sum alive.
  }
  return users;
}

function foldAddition(
  insn: MachineInstruction,
  definitions: readonly (MachineInstruction | undefined)[],
  users: readonly MachineInstruction[][],
): void {
  const right = coreValue(definitions, insn.b);
  const value = right ?? coreValue(definitions, insn.a);
  if (value === undefined) return;
  const base = right === undefined ? insn.b : insn.a;
  for (const user of users[insn.dst] ?? []) {
    const isAccess = user.opcode === "load" || user.opcode === "store";
    if (!isAccess || user.a !== insn.dst || user.b === insn.dst || user.offset !== 0 || user.symbol !== "")
      continue;
    user.a = base;
    user.symbol = value.symbol;
    user.offset = coreImmediate(value.symbol);
  }
}
