/** Kernel files that need not be there. */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";

/** A whole kernel file; undefined where it is absent or may not be read. */
export function readOptionalFile(kernel: Kernel, path: string): Uint8Array | undefined {
  try {
    return kernel.readKernelFile(path);
  } catch (error) {
    if (error instanceof SyscallError || error instanceof BpfkitError) return undefined;
    throw error;
  }
}

/** The same as text without the white space around it. */
export function readOptionalText(kernel: Kernel, path: string): string | undefined {
  const bytes = readOptionalFile(kernel, path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes).trim();
}
