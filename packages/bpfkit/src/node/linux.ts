/** Opens the kernel of this machine. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";

/**
 * This machine's kernel. What is attached to it is gone when the kernel object is shut down or the process ends.
 * The code that calls the kernel is loaded only here, so that nothing else depends on the platform.
 * @throws BpfkitError LK001 elsewhere than on Linux, LK003 without the privileges, LK006 where the kernel is locked down,
 *   LK008 where the prebuilt library for system calls is not installed
 */
export async function openLinuxKernel(): Promise<Kernel> {
  const { LinuxKernel } = await loadLinux();
  return new LinuxKernel();
}

async function loadLinux(): Promise<typeof import("@bpfkit/loader/linux")> {
  try {
    return await import("@bpfkit/loader/linux");
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split("\n", 1)[0] ?? "") : String(cause);
    throw new BpfkitError("LK008", `the library for system calls cannot be loaded: ${why}`, {
      cause,
      hint: "It comes with npm as an optional package for each platform: install again without --omit=optional.",
    });
  }
}
