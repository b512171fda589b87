/** Boots the guest in QEMU without hardware acceleration and collects what its agent reports. */
import { spawn } from "node:child_process";
import { type GuestReport, kernelParameter, onlyParameter, reportMark } from "./guest-case.ts";
import type { KernelChoice } from "./kernel-package.ts";

/** A guest that hangs is killed after this time. */
const defaultLimitMs = 240_000;

/** What to boot. */
export interface GuestMachine {
  /** Path of qemu-system-x86_64. */
  readonly qemu: string;
  readonly kernelImage: string;
  readonly initialRamDisk: string;
  /** A disk image, /dev/vda in the guest; what the guest writes to it is lost. */
  readonly disk?: string;
  /** MiB of memory; 2048 unless told otherwise. */
  readonly memory?: number;
  /** A guest that runs longer is killed; milliseconds, four minutes unless told otherwise. */
  readonly limitMs?: number;
  /** A regular expression: only cases whose names match run. */
  readonly only?: string;
  /** Which kernel it is; the stable one unless told otherwise. */
  readonly choice?: KernelChoice;
}

/** What the guest said. */
export interface GuestRun {
  readonly reports: readonly GuestReport[];
  /** Everything else on the console. */
  readonly console: string;
  readonly seconds: number;
  readonly hung: boolean;
}

/** Runs the guest to its end. */
export async function bootGuest(machine: GuestMachine): Promise<GuestRun> {
  const started = performance.now();
  // QEMU 7.2 emulates cmpxchg16b wrongly where nothing is exchanged, which Linux 6.12's allocator does not survive.
  const words = ["-accel", "tcg,thread=multi", "-cpu", "max,-cx16", "-smp", "2"];
  words.push("-m", String(machine.memory ?? 2048));
  words.push("-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot");
  words.push("-kernel", machine.kernelImage, "-initrd", machine.initialRamDisk);
  const only = machine.only === undefined ? "" : ` ${onlyParameter}${encodeURIComponent(machine.only)}`;
  const choice = ` ${kernelParameter}${machine.choice ?? "stable"}`;
  // An emulated timer may be late where the machine has other work: without no_timer_check Linux would not boot then.
  words.push("-append", `no_timer_check console=ttyS0 panic=-1 quiet lsm=lockdown,bpf${choice}${only}`);
  if (machine.disk !== undefined) {
    words.push("-drive", `file=${machine.disk},if=virtio,format=raw,snapshot=on`);
  }
  const child = spawn(machine.qemu, words, { stdio: ["ignore", "pipe", "inherit"] });
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, machine.limitMs ?? defaultLimitMs);
  const reports: GuestReport[] = [];
  const rest: string[] = [];
  const takeLine = (line: string): void => {
    const at = line.indexOf(reportMark);
    if (at === -1) {
      rest.push(line);
      return;
    }
    reports.push(JSON.parse(line.slice(at + reportMark.length)) as GuestReport);
  };
  let partial = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (partial + text.replaceAll("\r", "")).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) takeLine(line);
    if (process.env["BPFKIT_GUEST_CONSOLE"] !== undefined) process.stderr.write(text);
  });
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve());
  });
  clearTimeout(timer);
  takeLine(partial);
  return { reports, console: rest.join("\n"), seconds: (performance.now() - started) / 1000, hung };
}
