/** Where the control block's words and the frames of the stack are in guest memory. */

/**
 * The few words through which both engines, the helpers and the machine talk, in guest memory where no program has
 * access. Offsets within the block, bytes.
 */
export const ControlBlock = {
  /** i32: backward jumps and calls left. */
  Fuel: 0,
  /** i32: slot of the helper call in progress, for messages. */
  Slot: 4,
  /** u64: result of a function or of a helper with a `wide` or `tail` result. */
  Result: 8,
  /** 5 x u64: arguments r1 to r5 for Executable.enter. */
  Arguments: 16,
  /** i32: offset of the end of the frame (r10) of the function that calls a helper. */
  Frame: 56,
  /** 8 zero bytes: what loads through bad BTF pointers read. */
  Zero: 64,
  /** Size of the block. */
  Bytes: 80,
} as const;

/** Distance between frames of nested calls, bytes: a frame and a gap nobody owns. */
export const FRAME_STRIDE = 512 + 64;

/** Frames of the stack: enough for 33 tail calls, each from the deepest allowed call, and for programs run by helpers. */
export const STACK_FRAMES = 320;
