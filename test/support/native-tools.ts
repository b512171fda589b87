/** Native programs that serve as oracles in tests: found on PATH, or the test says loudly that it did not run. */
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Looks a program up on PATH and in the sbin folders, where Debian keeps bpftool. */
export function findTool(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder: look in the next.
    }
  }
  return undefined;
}

/**
 * The path of a native tool, or undefined after a line `SKIPPED: ...` on stderr.
 * @throws Error where CI is set: there every oracle must be present.
 */
export function requireTool(name: string): string | undefined {
  const path = findTool(name);
  if (path !== undefined) return path;
  const message = `${name} is not installed; the checks against it did not run`;
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message} (scripts/install-test-tools.sh installs it)\n`);
  return undefined;
}

/** True where the kernel of this machine accepts BPF programs from this process: root with BTF. */
export function canLoadBpf(): boolean {
  const bpftool = findTool("bpftool");
  if (bpftool === undefined || process.getuid?.() !== 0) return false;
  try {
    execFileSync(bpftool, ["prog", "list"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
