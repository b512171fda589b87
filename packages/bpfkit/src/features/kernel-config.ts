/** How a kernel was built: its configuration file, wherever the distribution keeps it. */
import type { Kernel } from "@bpfkit/base/kernel";

/** `CONFIG_X` -> `y`, `m`, a number or a text without its quotes; undefined where the configuration is not to be had. */
export function kernelConfig(kernel: Kernel): ReadonlyMap<string, string> | undefined {
  const text = kernel.kernelConfiguration();
  return text === undefined ? undefined : parseConfig(text);
}

/** Lines are `CONFIG_BPF=y`; what is not set stands in a comment. */
export function parseConfig(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(/^(CONFIG_\w+)=(.*)$/gm)) {
    options.set(name, value.replace(/^"(.*)"$/, "$1"));
  }
  return options;
}
