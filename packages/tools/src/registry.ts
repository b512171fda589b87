/** The bundled tools. */
import type { Tool } from "bpfkit/tracing";
import { biolatency } from "./biolatency/biolatency.ts";
import { execsnoop } from "./execsnoop/execsnoop.ts";
import { opensnoop } from "./opensnoop/opensnoop.ts";
import { profile } from "./profile/profile.ts";
import { runqlat } from "./runqlat/runqlat.ts";
import { syscount } from "./syscount/syscount.ts";
import { tcpconnect } from "./tcpconnect/tcpconnect.ts";
import { tcplife } from "./tcplife/tcplife.ts";

/** Every bundled tool, by name. */
export const tools: readonly Tool[] = [
  biolatency,
  execsnoop,
  opensnoop,
  profile,
  runqlat,
  syscount,
  tcpconnect,
  tcplife,
];

/** A tool by its name, `biolatency` or `tools/biolatency`; undefined where there is none. */
export function toolByName(name: string): Tool | undefined {
  const plain = name.startsWith("tools/") ? name.slice("tools/".length) : name;
  return tools.find((tool) => tool.name === plain);
}
