/** Conversion between bigint and the two 32-bit words that 64-bit values are kept in. */

/** A 64-bit value as two signed 32-bit words. */
export interface Words {
  readonly low: number;
  readonly high: number;
}

/** Splits the low 64 bits of a bigint (any sign) into signed words. */
export function toWords(value: bigint): Words {
  return {
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
  };
}

/** Joins two words (signed or unsigned) into an unsigned 64-bit bigint. */
export function fromWords(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Joins two words (signed or unsigned) into a signed 64-bit bigint. */
export function fromWordsSigned(low: number, high: number): bigint {
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
}

/** Whether a 64-bit value, taken as signed, equals its sign-extended low 32 bits. */
export function fitsInt32(value: bigint): boolean {
  return BigInt.asIntN(64, value) === BigInt.asIntN(32, value);
}
