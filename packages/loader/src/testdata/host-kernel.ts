/** Runs tests with this machine's kernel: loading, maps, test runs and private pins only; nothing is attached. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
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
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-pins-"));
  const mounted = spawnSync("mount", ["-t", "bpf", "bpf", folder], { encoding: "utf8" });
  if (mounted.status !== 0) {
    rmdirSync(folder);
    throw new Error(`a BPF file system cannot be mounted: ${mounted.stderr}`);
  }
  try {
    await run(folder);
  } finally {
    spawnSync("umount", [folder]);
    rmdirSync(folder);
  }
}
