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
const KernelSelectors = { cs: 0x10n, ss: 0x18n } as const;
const UserSelectors = { cs: 0x33n, ss: 0x2bn } as const;
const InterruptsOn = 0x246n;

const offsets = new Map<string, number>(Order.map((register, index) => [register, index * 8]));

/** Byte offset of a register. */
export function registerOffset(register: Register): number {
  return offsets.get(register) ?? 0;
}

/** Writes all registers at `offset` of `view`; those not given are zero. `mode` sets selectors and flags. */
export function writePtRegs(
  view: DataView,
  offset: number,
  mode: "kernel" | "user",
  registers: Partial<Record<Register, bigint>>,
): void {
  new Uint8Array(view.buffer, view.byteOffset + offset, PtRegsSize).fill(0);
  const { cs, ss } = mode === "kernel" ? KernelSelectors : UserSelectors;
  view.setBigUint64(offset + registerOffset("cs"), cs, true);
  view.setBigUint64(offset + registerOffset("ss"), ss, true);
  view.setBigUint64(offset + registerOffset("flags"), InterruptsOn, true);
  for (const register in registers) {
    const value = registers[register as Register];
    if (value !== undefined) view.setBigUint64(offset + registerOffset(register as Register), value, true);
  }
}

/** Pairs argument values with their registers; arguments after the sixth are on the stack and left out. */
export function argumentRegisters(
  order: readonly Register[],
  values: readonly bigint[],
): Partial<Record<Register, bigint>> {
  const registers: Partial<Record<Register, bigint>> = {};
  order.forEach((register, index) => {
    const value = values[index];
    if (value !== undefined) registers[register] = value;
  });
  return registers;
}
