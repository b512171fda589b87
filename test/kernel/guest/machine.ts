/** From objects to a finished run: what a guest needs of this machine, its image, its boot. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireTool } from "../../support/native-tools.ts";
import { bootGuest, type GuestMachine, type GuestRun } from "./boot.ts";
import { type ImageParts, isStatic, makeImage } from "./image.ts";
import { backportsProgram, type GuestKernel, guestKernel, type KernelChoice } from "./kernel-package.ts";

/** What this machine has for guests. */
export interface GuestTools {
  readonly qemu: string;
  readonly busybox: string;
  readonly cpio: string;
  readonly kernel: GuestKernel;
}

/** A run: what goes into its image and how it boots. */
export type GuestOrder = Omit<ImageParts, "kernel" | "busybox" | "cpio"> &
  Omit<GuestMachine, "qemu" | "kernelImage" | "initialRamDisk">;

/**
 * @param choice of the guest's kernel
 * @returns undefined, after a line `SKIPPED: ...` on stderr, where a guest cannot be made on this machine.
 * @throws Error where CI is set: there it must be possible.
 */
export function guestTools(choice: KernelChoice = "stable"): GuestTools | undefined {
  const qemu = requireTool("qemu-system-x86_64");
  const busybox = requireTool("busybox");
  const cpio = requireTool("cpio");
  const apt = requireTool("apt-get");
  // Newer packages have compressed modules.
  if (choice === "backports" && requireTool("xz") === undefined) return undefined;
  if (qemu === undefined || busybox === undefined || cpio === undefined || apt === undefined)
    return undefined;
  if (process.arch !== "x64") return skip("the guest is an x86-64 machine that runs this machine's Node");
  if (!isStatic(busybox)) return skip(`${busybox} is not static; busybox-static is needed`);
  try {
    return { qemu, busybox, cpio, kernel: guestKernel(choice) };
  } catch (error) {
    return skip(`Debian's kernel package (${choice}) cannot be had: ${String(error)}`);
  }
}

/** bpftool as new as the kernel. @returns undefined, and @throws, as {@link guestTools} */
export function bpftoolFor(choice: KernelChoice): string | undefined {
  if (choice === "stable") return requireTool("bpftool");
  try {
    return backportsProgram("bpftool", "usr/sbin/bpftool");
  } catch (error) {
    return skip(`Debian's bpftool (${choice}) cannot be had: ${String(error)}`);
  }
}

function skip(why: string): undefined {
  const message = `the tests on a real kernel did not run: ${why}`;
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message}\n`);
  return undefined;
}

/** Makes the image, boots it and waits for its end. */
export async function runGuest(tools: GuestTools, order: GuestOrder): Promise<GuestRun> {
  const { qemu, kernel } = tools;
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-guest-"));
  try {
    const initialRamDisk = makeImage({ ...tools, ...order }, folder);
    const run = await bootGuest({ ...order, qemu, kernelImage: kernel.image, initialRamDisk });
    process.stderr.write(`guest: Linux ${kernel.release}, ${run.seconds.toFixed(1)} s\n`);
    if (run.hung) process.stderr.write(`guest: hung after ${JSON.stringify(run.reports.slice(-4))}\n`);
    return run;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
