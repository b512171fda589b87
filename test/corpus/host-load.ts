/** Loads objects into this machine's kernel to ask its verifier: in a private bpffs, never attached, gone afterwards. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why the kernel refuses an object's programs; undefined where it takes them. */
export function refusalOf(bpftool: string, object: Uint8Array): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-corpus-"));
  try {
    const file = join(folder, "tool.o");
    writeFileSync(file, object);
    // The mount and with it every pin end with the namespace.
    const script = 'mount -t bpf none "$1" && cd / && "$2" prog loadall "$3" "$1/programs"';
    const mounted = join(folder, "bpf");
    const run = spawnSync(
      "unshare",
      ["-m", "sh", "-c", `mkdir "$1" && ${script}`, "sh", mounted, bpftool, file],
      { encoding: "utf8", maxBuffer: 64 << 20 },
    );
    return run.status === 0 ? undefined : essence(run.stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The verifier's last word, or libbpf's. */
function essence(log: string): string {
  const lines = log.split("\n").map((line) => line.trim());
  const processed = lines.findLastIndex((line) => line.startsWith("processed "));
  if (processed > 0) return lines[processed - 1] ?? "";
  const telling = lines.filter((line) => /^libbpf: .*(?:failed|error)/.test(line));
  return (telling[0] ?? lines.at(-1) ?? "").replace(/^libbpf: /, "");
}
