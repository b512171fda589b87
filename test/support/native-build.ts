/** Builds the same translation unit with native clang, for comparison. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ClangRequest } from "@bpfkit/clang";

/** The driver's options that bpfkit's own runs of clang correspond to. */
const options = ["-target", "bpf", "-g", "-fno-jump-tables", "-Wno-everything", "-nostdinc"];

/** A folder with every file of a request, for runs of a native compiler. */
export class NativeUnit {
  readonly #folder = mkdtempSync(join(tmpdir(), "bpfkit-native-"));
  readonly #request: ClangRequest;

  constructor(request: ClangRequest) {
    this.#request = request;
    for (const [path, text] of request.files) {
      mkdirSync(dirname(this.#path(path)), { recursive: true });
      writeFileSync(this.#path(path), text);
    }
  }

  /** The command line that compiles the unit to `output` with `clang`. */
  commandLine(clang: string, output: string): readonly string[] {
    const { mainFile, includeDirs, preIncludes, defines, cpu, optLevel } = this.#request;
    const resources = execFileSync(clang, ["-print-resource-dir"], { encoding: "utf8" }).trim();
    return [
      ...options,
      `-O${optLevel}`,
      `-mcpu=${cpu}`,
      ...["-isystem", join(resources, "include")],
      ...includeDirs.flatMap((folder) => ["-I", this.#path(folder)]),
      ...preIncludes.flatMap((file) => ["-include", this.#path(file)]),
      ...defines.map((define) => `-D${define}`),
      ...["-c", this.#path(mainFile), "-o", output],
    ];
  }

  /** Compiles and gives the object back. */
  build(clang: string): Uint8Array {
    const output = join(this.#folder, "native.o");
    execFileSync(clang, this.commandLine(clang, output), { stdio: ["ignore", "ignore", "pipe"] });
    return new Uint8Array(readFileSync(output));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #path(virtual: string): string {
    return join(this.#folder, "files", virtual);
  }
}
