/** Boots the guest in QEMU without hardware acceleration and collects what its agent reports. */
import { spawn } from "node:child_process";
import { type GuestReport, reportMark } from "./guest-case.ts";

/** A guest that hangs is killed after this time. */
const limitMs = 240_000;

/** What to boot. */
export interface GuestMachine {
  /** Path of qemu-system-x86_64. */
  readonly qemu: string;
  readonly kernelImage: string;
  readonly initialRamDisk: string;
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
  const words = ["-accel", "tcg,thread=multi", "-cpu", "max", "-m", "2048", "-smp", "2"];
  words.push("-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot");
  words.push("-kernel", machine.kernelImage, "-initrd", machine.initialRamDisk);
  words.push("-append", "console=ttyS0 panic=-1 quiet lsm=bpf");
  const child = spawn(machine.qemu, words, { stdio: ["ignore", "pipe", "inherit"] });
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, limitMs);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve());
  });
  clearTimeout(timer);
  const reports: GuestReport[] = [];
  const rest: string[] = [];
  for (const line of output.replaceAll("\r", "").split("\n")) {
    const at = line.indexOf(reportMark);
    if (at === -1) rest.push(line);
    else reports.push(JSON.parse(line.slice(at + reportMark.length)) as GuestReport);
  }
  return { reports, console: rest.join("\n"), seconds: (performance.now() - started) / 1000, hung };
}
