/**
 * Names of block request operations and flags, as biolatency -F shows them.
 * Numbers: Linux 6.1 include/linux/blk_types.h, enum req_op and enum req_flag_bits (REQ_OP_BITS is 8).
 */

const operationBits = 8n;

const operations: Readonly<Record<string, string>> = {
  0: "Read",
  1: "Write",
  2: "Flush",
  3: "Discard",
  5: "SecureErase",
  6: "ZoneReset",
  7: "WriteSame",
  9: "WriteZeros",
};

/** In the order their names are put in front of the operation. Bits count from the end of the operation. */
const flags: readonly (readonly [number, string])[] = [
  [3, "Sync"],
  [4, "Metadata"],
  [9, "ForcedUnitAccess"],
  [5, "Priority"],
  [6, "NoMerge"],
  [7, "Idle"],
  [11, "ReadAhead"],
  [12, "Background"],
  [13, "NoWait"],
];

/** For example `Sync-Write` for a request's `cmd_flags`. */
export function requestFlagsName(commandFlags: bigint): string {
  let name = operations[String(commandFlags & ((1n << operationBits) - 1n))] ?? "Unknown";
  for (const [bit, flag] of flags) {
    if ((commandFlags >> (operationBits + BigInt(bit))) & 1n) name = `${flag}-${name}`;
  }
  return name;
}
