/** How a kernel was built: its configuration file, wherever the distribution keeps it. */
import type { Kernel } from "@bpfkit/base/kernel";
import { readOptionalFile } from "./optional-file.ts";

/** `CONFIG_X` -> `y`, `m`, a number or a text without its quotes; undefined where the configuration is not to be had. */
export async function kernelConfig(kernel: Kernel): Promise<ReadonlyMap<string, string> | undefined> {
  const compressed = readOptionalFile(kernel, "/proc/config.gz");
  const plain =
    compressed === undefined
      ? readOptionalFile(kernel, `/boot/config-${kernel.release}`)
      : await inflate(compressed);
  return plain === undefined ? undefined : parseConfig(new TextDecoder().decode(plain));
}

/** Lines are `CONFIG_BPF=y`; what is not set stands in a comment. */
export function parseConfig(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(/^(CONFIG_\w+)=(.*)$/gm)) {
    options.set(name, value.replace(/^"(.*)"$/, "$1"));
  }
  return options;
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    // Damaged: then it is as good as absent.
    return undefined;
  }
}
