/** Puts map descriptors, addresses of data and kernel symbols into a linked program's instructions. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type Instruction, PseudoCall, PseudoLoad } from "@bpfkit/elf/isa";
import type { Reference } from "../spec/program-spec.ts";
import type { LinkedProgram } from "./link-program.ts";

/** What names stand for once maps exist. */
export interface ReferenceValues {
  /** Descriptor of a map by its name in the object. */
  mapFd(name: string): number;
  /** What to load for a name that the object does not define; undefined: it is unknown and not weak. */
  extern(name: string): ExternValue | undefined;
}

/** A resolved extern: a plain number, or a place in a map's value. */
export type ExternValue =
  | { readonly kind: "constant"; readonly value: bigint }
  | { readonly kind: "map-value"; readonly map: string; readonly offset: number }
  /** A variable of the kernel, by its BTF id; `module` is the descriptor of its module's BTF, 0 for vmlinux. */
  | { readonly kind: "kernel-object"; readonly id: number; readonly module: number }
  /** A function of the kernel; calls name its module by `index`. */
  | {
      readonly kind: "kernel-function";
      readonly id: number;
      readonly module: number;
      readonly index: number;
    };

/** A helper that no kernel has: calls of weak functions that are absent, which checks before them make unreachable. */
const absentHelper = 2_002_000_000;
const loadImmediate = 0x18;

/** Resolves every map, data and extern reference in place. @throws BpfkitError LD032 for an unknown extern. */
export function resolveMapReferences(program: LinkedProgram, values: ReferenceValues): void {
  for (const linked of program.instructions) {
    if (linked.reference === undefined) continue;
    linked.instruction = resolved(linked.instruction, linked.reference, values, program.spec.name);
  }
}

function resolved(
  instruction: Instruction,
  reference: Reference,
  values: ReferenceValues,
  program: string,
): Instruction {
  switch (reference.kind) {
    case "map":
      return { ...instruction, src: PseudoLoad.MapFd, imm: values.mapFd(reference.map), immHigh: 0 };
    case "data":
      return mapValue(instruction, values.mapFd(reference.map), reference.offset);
    case "extern": {
      const value = values.extern(reference.name);
      if (value === undefined) {
        throw new BpfkitError("LD032", `program ${program} uses ${reference.name}, which nothing defines`, {
          hint: "Define it, or declare it __weak and test it before use.",
        });
      }
      if (instruction.opcode !== loadImmediate) return call(instruction, value, reference.name, program);
      if (value.kind === "map-value") return mapValue(instruction, values.mapFd(value.map), value.offset);
      if (value.kind !== "constant") {
        return { ...instruction, src: PseudoLoad.BtfId, imm: value.id, immHigh: value.module };
      }
      const low = Number(BigInt.asIntN(32, value.value));
      return { ...instruction, src: 0, imm: low, immHigh: Number(BigInt.asIntN(32, value.value >> 32n)) };
    }
    case "call":
    case "function-address":
      return instruction;
  }
}

/** A call of something that the object does not define. */
function call(instruction: Instruction, value: ExternValue, name: string, program: string): Instruction {
  if (value.kind === "kernel-function") {
    return { ...instruction, src: PseudoCall.Kfunc, imm: value.id, off: value.index };
  }
  if (value.kind === "constant") return { ...instruction, src: PseudoCall.Helper, imm: absentHelper };
  throw new BpfkitError("LD032", `program ${program} calls ${name}, which is no function of the kernel`);
}

function mapValue(instruction: Instruction, fd: number, offset: number): Instruction {
  return { ...instruction, src: PseudoLoad.MapValue, imm: fd, immHigh: offset };
}
