/** A BPF file system of a test's own: pins that are gone with it, wherever the test ends. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A mounted BPF file system. */
export interface BpfFileSystem {
  readonly folder: string;
  unmount(): void;
}

/** Mounts one. @throws Error where this process may not mount */
export function mountBpfFileSystem(): BpfFileSystem {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-pins-"));
  const mounted = spawnSync("mount", ["-t", "bpf", "bpf", folder], { encoding: "utf8" });
  if (mounted.status !== 0) {
    rmdirSync(folder);
    throw new Error(`a BPF file system cannot be mounted: ${mounted.stderr}`);
  }
  return {
    folder,
    unmount() {
      spawnSync("umount", [folder]);
      rmdirSync(folder);
    },
  };
}
