/** The bundled tools one by one: only the one that is wanted is loaded. */
import type { Tool } from "bpfkit/tracing";

const loaders: Readonly<Record<string, () => Promise<Tool>>> = {
  biolatency: async () => (await import("./biolatency/biolatency.ts")).biolatency,
  execsnoop: async () => (await import("./execsnoop/execsnoop.ts")).execsnoop,
  opensnoop: async () => (await import("./opensnoop/opensnoop.ts")).opensnoop,
  profile: async () => (await import("./profile/profile.ts")).profile,
  runqlat: async () => (await import("./runqlat/runqlat.ts")).runqlat,
  syscount: async () => (await import("./syscount/syscount.ts")).syscount,
  tcpconnect: async () => (await import("./tcpconnect/tcpconnect.ts")).tcpconnect,
  tcplife: async () => (await import("./tcplife/tcplife.ts")).tcplife,
};

/** The names of all bundled tools, in the order of the alphabet. */
export const toolNames: readonly string[] = Object.keys(loaders);

/** A tool by its name, `biolatency` or `tools/biolatency`; undefined where there is none. */
export async function loadTool(name: string): Promise<Tool | undefined> {
  const plain = name.startsWith("tools/") ? name.slice("tools/".length) : name;
  return Object.hasOwn(loaders, plain) ? await loaders[plain]?.() : undefined;
}
