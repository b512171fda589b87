/** Rewrites programs as bpfkit does, with its own clang and kernel profile, and compiles the result with native clang. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { kernelHeader } from "@bpfkit/clang";
import { createNodeClang } from "@bpfkit/clang/node";
import { BtfTable } from "@bpfkit/elf/btf";
import { explainError, type Preparation, prepareForAst, type RewriteResult, rewrite } from "@bpfkit/rewriter";
import { loadBundledProfile } from "bpfkit/node";

const root = "/bpfkit/include";
const file = "tool.c";

/** A program before and after. */
export interface Rewritten extends RewriteResult {
  readonly preparation: Preparation;
  readonly vmlinux: string;
}

/** One compiler for all cases of a test file. Close it at the end. */
export class Workbench {
  readonly #clang = createNodeClang();
  readonly profile = loadBundledProfile();
  readonly #btf = BtfTable.decode(this.profile.btf);

  /** @throws BpfkitError for what is refused, by clang or by the rewriter. */
  async rewrite(text: string, userHeaders: ReadonlyMap<string, string> = new Map()): Promise<Rewritten> {
    const preparation = prepareForAst(text, this.profile, { userHeaders });
    const vmlinux = kernelHeader(this.#btf, preparation.kernelSources);
    const astHeader = preparation.astKernelHeader(vmlinux);
    const files = new Map([[file, text], ...userHeaders, [`${root}/vmlinux.h`, astHeader]]);
    for (const [path, header] of preparation.headers) files.set(`${root}/${path}`, header);
    try {
      const { ast } = await this.#clang.parseAst({
        mainFile: file,
        files,
        includeDirs: [root],
        preIncludes: preparation.astPreIncludes.map((path) => `${root}/${path}`),
        defines: preparation.defines,
        cpu: "v3",
        optLevel: 2,
      });
      const result = rewrite({ file, text, ast, profile: this.profile, preparation });
      return { ...result, preparation, vmlinux };
    } catch (error) {
      throw explainError(error, text, preparation);
    }
  }

  close(): Promise<void> {
    return this.#clang.close();
  }
}

/**
 * Compiles a rewritten program with native clang.
 * @returns the path of the object, in a folder that `cleanUp` removes, or clang's messages.
 */
export function compileNative(
  clang: string,
  rewritten: Rewritten,
): { readonly object: string; readonly messages: string; readonly cleanUp: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-rewriter-"));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const [path, text] of rewritten.preparation.headers) put(join("include", path), text);
  put("include/vmlinux.h", rewritten.vmlinux);
  for (const [path, text] of rewritten.headers) put(path, text);
  put(file, rewritten.text);
  const object = join(folder, "tool.o");
  const run = spawnSync(
    clang,
    [
      ...["-target", "bpf", "-O2", "-g", "-mcpu=v3", "-I", join(folder, "include")],
      ...rewritten.preparation.defines.map((define) => `-D${define}`),
      ...rewritten.preparation.codePreIncludes.flatMap((path) => ["-include", path]),
      ...["-c", join(folder, file), "-o", object],
    ],
    { encoding: "utf8" },
  );
  const cleanUp = (): void => rmSync(folder, { recursive: true });
  return { object: run.status === 0 ? object : "", messages: run.stderr, cleanUp };
}

/** Asks the kernel's verifier about an object's programs, privately; the log where it refuses. */
export function loadNative(bpftool: string, object: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-bpffs-"));
  try {
    const script = `mount -t bpf none ${folder} && ${bpftool} prog loadall ${object} ${folder}/programs`;
    execFileSync("unshare", ["-m", "sh", "-c", script], { stdio: "pipe", encoding: "utf8" });
    return undefined;
  } catch (error) {
    return (error as { stderr?: string }).stderr ?? String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
