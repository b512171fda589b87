/** Registers of machine code: the physical r0 to r10, and virtual ones from 16 up. */

/** A register number; `noRegister` where an instruction has none. */
export type Register = number;

/** In place of a register that an instruction does not have. */
export const noRegister: Register = -1;
/** The read-only frame pointer. */
export const framePointer: Register = 10;
/** Registers that the allocator may hand out: r0 to r9. */
export const allocatableCount = 10;
/** The first virtual register. */
export const firstVirtual: Register = 16;

/** True for virtual registers. */
export function isVirtual(register: Register): boolean {
  return register >= firstVirtual;
}

/** True for r0 to r10. */
export function isPhysical(register: Register): boolean {
  return register >= 0 && register < firstVirtual;
}

/** `r3`, `%20`, or `-`. */
export function printRegister(register: Register): string {
  if (register < 0) return "-";
  return register < firstVirtual ? `r${register}` : `%${register}`;
}
