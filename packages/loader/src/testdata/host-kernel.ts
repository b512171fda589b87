/** Runs tests with this machine's kernel: loading, maps, test runs and private pins only; nothing is attached. */
import { test } from "uvu";
import { mountBpfFileSystem } from "../../../../test/support/bpf-file-system.ts";
import { canLoadBpf } from "../../../../test/support/native-tools.ts";
import { LinuxKernel } from "../linux/linux-kernel.ts";

/** Runs a test with a kernel where this process may use one. */
export function kernelTest(name: string, run: (kernel: LinuxKernel) => void | Promise<void>): void {
  test(name, async () => {
    if (!canLoadBpf()) {
      const message = "calls of this machine's kernel need root, BPF and bpftool";
      if (process.env["CI"] !== undefined) throw new Error(message);
      process.stderr.write(`SKIPPED: ${message}\n`);
      return;
    }
    const kernel = new LinuxKernel();
    try {
      await run(kernel);
    } finally {
      kernel.shutdown();
    }
  });
}

/** A BPF file system of the test's own, gone with its pins when the test is over. */
export async function withPins(run: (folder: string) => void | Promise<void>): Promise<void> {
  const pins = mountBpfFileSystem();
  try {
    await run(pins.folder);
  } finally {
    pins.unmount();
  }
}
