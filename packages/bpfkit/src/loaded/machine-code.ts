/** The machine code of a loaded program, function by function. */
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { KernelSymbols } from "@bpfkit/loader";

/** One function's machine code. */
export interface MachineFunction {
  readonly name: string;
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** Machine code comes in one piece; sizes say where functions end. Empty where the kernel does not show it. */
export function machineFunctions(kernel: Kernel, fd: Fd): MachineFunction[] {
  const { jited, functionAddresses, functionSizes } = kernel.objects.programCode(fd);
  if (jited.length === 0) return [];
  const symbols = new KernelSymbols(kernel);
  const sizes = functionSizes.length === 0 ? [jited.length] : functionSizes;
  let at = 0;
  return sizes.map((size, index) => {
    const address = functionAddresses[index] ?? 0n;
    const bytes = jited.slice(at, at + size);
    at += size;
    return { name: symbols.name(address), address, bytes };
  });
}
