/** `bpftool btf dump` of an object in memory. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The dump as JSON text. @throws Error with bpftool's message for BTF that it cannot read */
export function typeDump(bpftool: string, object: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-btf-"));
  try {
    const file = join(folder, "program.o");
    writeFileSync(file, object);
    return execFileSync(bpftool, ["-j", "btf", "dump", "file", file], {
      encoding: "utf8",
      maxBuffer: 256 << 20,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
