/** Names that come from the kernel: .kconfig variables and .ksyms symbols. */

import { MapType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfTable } from "@bpfkit/elf/btf";
import type { ExternSpec } from "../spec/collection-parts.ts";
import { emptyMapSpec, type MapSpec } from "../spec/map-spec.ts";
import type { ExternValue } from "./references.ts";

/** Name of the map that holds the .kconfig variables. */
export const kconfigMapName = ".kconfig";

/** The longest text that a configuration holds, with room to spare. */
const largestValue = 4096;

/** What is known of the running kernel. */
export interface KernelFacts {
  /** As `uname -r`. */
  readonly release: string;
  /** `CONFIG_X` -> text as in /boot/config (`y`, `m`, `1000`, `"text"`); undefined: the configuration is not known. */
  readonly config?: ReadonlyMap<string, string>;
  /** Whether the kernel has bpf_get_attach_cookie, and system call functions that take struct pt_regs; by release unless given. */
  readonly hasCookies?: boolean;
  readonly hasSyscallWrappers?: boolean;
  /** Looks symbols of the kernel up; absent: there are none. */
  readonly symbol?: (extern: ExternSpec) => ExternValue | undefined;
}

/** The externs of one object, resolved. */
export interface ResolvedExterns {
  readonly values: ReadonlyMap<string, ExternValue>;
  /** A read-only map with the .kconfig values; undefined where there are none. */
  readonly map: MapSpec | undefined;
}

/**
 * Resolves every extern that can be: LINUX_KERNEL_VERSION, configuration values, kernel symbols, weak names (to zero). The
 * others stay out of `values`, so programs that use them are refused by name.
 */
export function resolveExterns(
  externs: Iterable<ExternSpec>,
  btf: BtfTable | undefined,
  facts: KernelFacts,
): ResolvedExterns {
  const values = new Map<string, ExternValue>();
  const bytes: number[] = [];
  for (const extern of externs) {
    if (extern.section !== ".kconfig" || btf === undefined) {
      const symbol = extern.section === ".ksyms" ? facts.symbol?.(extern) : undefined;
      if (symbol !== undefined) values.set(extern.name, symbol);
      else if (extern.weak) values.set(extern.name, { kind: "constant", value: 0n });
      continue;
    }
    const value = configValue(extern, facts);
    if (value === undefined) continue;
    while (bytes.length % 8 !== 0) bytes.push(0);
    values.set(extern.name, { kind: "map-value", map: kconfigMapName, offset: bytes.length });
    bytes.push(...encodeConfig(extern, btf, value));
  }
  if (bytes.length === 0) return { values, map: undefined };
  const map = emptyMapSpec(kconfigMapName, "kconfig");
  map.type = MapType.Array;
  map.keySize = 4;
  map.valueSize = bytes.length;
  map.maxEntries = 1;
  map.flags = 1 << 7; // BPF_F_RDONLY_PROG
  map.frozen = true;
  map.contents = new Uint8Array(bytes);
  return { values, map };
}

/** The text of a configuration value; weak ones that are not set are `0`. */
function configValue(extern: ExternSpec, facts: KernelFacts): string | undefined {
  const version = kernelVersionCode(facts.release);
  const since = (release: string): boolean => version >= kernelVersionCode(release);
  const answer = (yes: boolean): string => (yes ? "y" : "n");
  switch (extern.name) {
    case "LINUX_KERNEL_VERSION":
      return String(version);
    // What libbpf's headers ask for by names that are in no configuration.
    case "LINUX_HAS_BPF_COOKIE":
      return answer(facts.hasCookies ?? since("5.15"));
    case "LINUX_HAS_SYSCALL_WRAPPER":
      return answer(facts.hasSyscallWrappers ?? since("4.17"));
    default:
      break;
  }
  return facts.config?.get(extern.name) ?? (extern.weak ? "0" : undefined);
}

/** KERNEL_VERSION(a, b, c) of a release string, with c capped at 255 as the kernel does. */
export function kernelVersionCode(release: string): number {
  const [, major = "0", minor = "0", patch = "0"] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release) ?? [];
  return (Number(major) << 16) | (Number(minor) << 8) | Math.min(255, Number(patch));
}

function encodeConfig(extern: ExternSpec, btf: BtfTable, text: string): Uint8Array {
  const type = btf.type(btf.resolve(extern.typeId));
  const size = extern.size;
  if (size === 0 || size > largestValue) {
    throw new BpfkitError(
      "LD033",
      `${extern.name} has ${size} bytes; configuration values have 1 to ${largestValue}`,
    );
  }
  const bytes = new Uint8Array(size);
  if (type.kind === "array") {
    const unquoted = text.replace(/^"(.*)"$/s, "$1");
    bytes.set(new TextEncoder().encode(unquoted).subarray(0, Math.max(0, size - 1)));
    return bytes;
  }
  // Tristates: n is 0, y is 1, m is 2 (libbpf's enum libbpf_tristate).
  const letters: Record<string, bigint> = { n: 0n, y: 1n, m: 2n };
  let value = letters[text];
  if (value === undefined && /^-?(0x[0-9a-fA-F]+|\d+)$/.test(text)) {
    value = text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
  }
  if (value === undefined) {
    throw new BpfkitError(
      "LD033",
      `${extern.name} is ${text} in this kernel's configuration, which is no number`,
    );
  }
  if (type.kind === "int" && type.char && letters[text] !== undefined) value = BigInt(text.charCodeAt(0));
  for (let index = 0; index < size; index += 1) {
    bytes[index] = Number((value >> BigInt(index * 8)) & 0xffn);
  }
  return bytes;
}
