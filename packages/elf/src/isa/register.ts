/** The eleven registers of the BPF machine and their roles. */

/** Register numbers. r0: result; r1-r5: arguments, lost by calls; r6-r9: kept by calls; r10: frame pointer, read-only. */
export const Register = {
  R0: 0,
  R1: 1,
  R2: 2,
  R3: 3,
  R4: 4,
  R5: 5,
  R6: 6,
  R7: 7,
  R8: 8,
  R9: 9,
  R10: 10,
} as const;

/** A register number, 0 to 10. */
export type Register = (typeof Register)[keyof typeof Register];

/** r10, which points at the end of the 512-byte stack frame. */
export const framePointer = Register.R10;

/** Size of one stack frame in bytes (kernel: MAX_BPF_STACK). */
export const stackSizeBytes = 512;
