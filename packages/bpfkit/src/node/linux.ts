/** Opens the kernel of this machine. */
import type { Kernel } from "@bpfkit/base/kernel";

/**
 * This machine's kernel. What is attached to it is gone when the kernel object is shut down or the process ends.
 * The code that calls the kernel is loaded only here, so that nothing else depends on the platform.
 * @throws BpfkitError LK001 elsewhere than on Linux, LK003 without the privileges, LK006 where the kernel is locked down
 */
export async function openLinuxKernel(): Promise<Kernel> {
  const { LinuxKernel } = await import("@bpfkit/loader/linux");
  return new LinuxKernel();
}
