/** `struct pt_regs` of x86-64 (kernel arch/x86/include/asm/ptrace.h): the context of kprobes and of system calls. */

/** Registers in memory order; each takes eight bytes. */
const Order = [
  "r15",
  "r14",
  "r13",
  "r12",
  "bp",
  "bx",
  "r11",
  "r10",
  "r9",
  "r8",
  "ax",
  "cx",
  "dx",
  "si",
  "di",
  "origAx",
  "ip",
  "cs",
  "flags",
  "sp",
  "ss",
] as const;

/** A register's name. */
export type Register = (typeof Order)[number];

/** Bytes of `struct pt_regs`. */
export const PtRegsSize = Order.length * 8;

/** Registers of the first six arguments of a kernel function. */
export const FunctionArguments: readonly Register[] = ["di", "si", "dx", "cx", "r8", "r9"];

/** Registers of the six arguments of a system call. */
export const SyscallArguments: readonly Register[] = ["di", "si", "dx", "r10", "r8", "r9"];

/** Selectors in kernel and in user mode; flags with interrupts on. */
const KernelSelectors = { cs: 0x10, ss: 0x18 } as const;
const UserSelectors = { cs: 0x33, ss: 0x2b } as const;
const InterruptsOn = 0x246;

const offsets = new Map<string, number>(Order.map((register, index) => [register, index * 8]));

/** Byte offset of a register. */
export function registerOffset(register: Register): number {
  return offsets.get(register) ?? 0;
}

/** Memory as {@link writePtRegs} needs it. */
interface Memory {
  readonly u8: Uint8Array;
  readonly view: DataView;
}

/**
 * Writes all registers at `offset`; those not given are zero. `mode` sets selectors and flags; `args` go to the
 * registers of `order`, and those after the sixth, which would be on the stack, are left out.
 */
export function writePtRegs(
  { u8, view }: Memory,
  offset: number,
  mode: "kernel" | "user",
  registers: Partial<Record<Register, bigint>>,
  order: readonly Register[] = [],
  args: readonly bigint[] = [],
): void {
  u8.fill(0, offset, offset + PtRegsSize);
  const { cs, ss } = mode === "kernel" ? KernelSelectors : UserSelectors;
  view.setUint8(offset + registerOffset("cs"), cs);
  view.setUint8(offset + registerOffset("ss"), ss);
  view.setUint16(offset + registerOffset("flags"), InterruptsOn, true);
  for (let index = 0; index < order.length && index < args.length; index++) {
    view.setBigUint64(offset + registerOffset(order[index]!), args[index]!, true);
  }
  for (const register in registers) {
    const value = registers[register as Register];
    if (value !== undefined) view.setBigUint64(offset + registerOffset(register as Register), value, true);
  }
}
