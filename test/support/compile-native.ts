/** Compiles C with native clang: the oracle for objects. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { requireTool } from "./native-tools.ts";

/** The object's bytes; undefined (after a loud line) where there is no native clang. */
export function compileNative(
  source: URL,
  cpu = "v3",
  extra: readonly string[] = [],
): Uint8Array | undefined {
  const clang = requireTool("clang-19");
  if (clang === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-native-"));
  try {
    const output = join(folder, "out.o");
    const options = ["-target", "bpf", `-mcpu=${cpu}`, "-O2", "-g", ...extra];
    execFileSync(clang, [...options, "-c", fileURLToPath(source), "-o", output], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
