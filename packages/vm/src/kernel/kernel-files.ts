/** The file facet: kernel files by path, made from the profile. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { processFile } from "./process-files.ts";
import type { SimulatedWorld } from "./simulated-world.ts";

const TracefsRoots = ["/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"];

const encoder = new TextEncoder();

/**
 * Content of a kernel file.
 * @throws SyscallError ENOENT
 */
export function readKernelFile(world: SimulatedWorld, path: string): Uint8Array {
  if (path === "/sys/kernel/btf/vmlinux") return world.profile.btf.slice();
  const text = textOf(world, path);
  if (text === undefined) throw new SyscallError("open", Errno.ENOENT, { detail: path });
  return encoder.encode(text);
}

function textOf(world: SimulatedWorld, path: string): string | undefined {
  switch (path) {
    case "/proc/kallsyms":
      return world.symbols.text();
    case "/proc/sys/kernel/osrelease":
      return `${world.release}\n`;
    case "/sys/devices/system/cpu/online":
    case "/sys/devices/system/cpu/possible":
      return world.cpuCount === 1 ? "0\n" : `0-${world.cpuCount - 1}\n`;
    default: {
      const root = TracefsRoots.find((prefix) => path.startsWith(prefix));
      return root === undefined ? processFile(world, path) : tracefs(world, path.slice(root.length));
    }
  }
}

function tracefs(world: SimulatedWorld, path: string): string | undefined {
  const { tracepointFormats, probeableFunctions } = world.profile;
  if (path === "available_filter_functions") return probeableFunctions.map((name) => `${name}\n`).join("");
  if (path === "available_events") {
    return [...tracepointFormats.keys()].map((name) => `${name.replace("/", ":")}\n`).join("");
  }
  const match = /^events\/([^/]+\/[^/]+)\/(id|format)$/.exec(path);
  if (match === null) return undefined;
  const [, name = "", file] = match;
  if (file === "format") return tracepointFormats.get(name);
  const format = world.tracepoints.format(name);
  return format === undefined ? undefined : `${format.id}\n`;
}
