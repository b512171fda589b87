/** The part of the kernel's macros that a program uses, as the text of `bcc/kernel-macros.h`. */
import { identifiers } from "../text/scan.ts";
import { headerTexts } from "./header-texts.gen.ts";
import { kernelConfigs } from "./kernel-configs.gen.ts";
import { kernelConstants } from "./kernel-constants.gen.ts";

interface Macro {
  /** Behind `#define NAME`, with parameters. */
  readonly text: string;
  readonly uses: ReadonlySet<string>;
}

let curated: ReadonlyMap<string, Macro> | undefined;
let constants: ReadonlyMap<string, string> | undefined;

function curatedMacros(): ReadonlyMap<string, Macro> {
  if (curated === undefined) {
    const found = new Map<string, Macro>();
    for (const match of (headerTexts.get("kernel/macros.h") ?? "").matchAll(/^#define (\w+)(.*)$/gm)) {
      const [, name = "", text = ""] = match;
      found.set(name, { text, uses: identifiers(text) });
    }
    curated = found;
  }
  return curated;
}

function constantValues(): ReadonlyMap<string, string> {
  if (constants === undefined) {
    const found = new Map<string, string>();
    const [ones = "", ...numbers] = kernelConfigs.split("\n");
    for (const name of ones.split(" ")) found.set(`CONFIG_${name}`, "1");
    for (const line of [...numbers, ...kernelConstants.split("\n")]) {
      const space = line.indexOf(" ");
      if (space > 0) found.set(line.slice(0, space), line.slice(space + 1));
    }
    constants = found;
  }
  return constants;
}

/** Members of struct sock behind short names: only where a network header was asked for, as in the kernel. */
const socketAlias = /^(?:sk|inet)_/;
const socketHeader =
  /^(?:uapi\/)?(?:net\/|linux\/(?:tcp|udp|ipv6|ip|skbuff|netdevice|net|socket|inet\w*|sock\w*)\.h$)/;

/** What decides the selection. */
export interface MacroRequest {
  /** Identifiers of the program and of what will be added to it. */
  readonly names: ReadonlySet<string>;
  /** Names the program defines itself. */
  readonly defined: ReadonlySet<string>;
  /** Paths the program includes. */
  readonly includes: readonly string[];
  /** As `uname -r`, for LINUX_VERSION_CODE. */
  readonly release: string;
}

/** The header's text. */
export function kernelMacroHeader(request: MacroRequest): string {
  const hasSocketHeader = request.includes.some((path) => socketHeader.test(path));
  const chosen = new Map<string, string>();
  const wanted = [...request.names];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (chosen.has(name) || request.defined.has(name)) continue;
    const macro = curatedMacros().get(name);
    if (macro !== undefined) {
      if (socketAlias.test(name) && !macro.text.startsWith("(") && !hasSocketHeader) continue;
      chosen.set(name, macro.text);
      wanted.push(...macro.uses);
      continue;
    }
    const value = constantValues().get(name);
    if (value !== undefined) chosen.set(name, ` ${value}`);
  }
  if (request.names.has("LINUX_VERSION_CODE") && !request.defined.has("LINUX_VERSION_CODE")) {
    chosen.set("LINUX_VERSION_CODE", ` ${versionCode(request.release)}`);
  }
  const lines = [...chosen]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => `#ifndef ${name}\n#define ${name}${text}\n#endif`);
  return `/* Kernel macros this program uses (Linux 6.1). */\n${lines.join("\n")}\n`;
}

/** LINUX_VERSION_CODE of a release, as include/generated/uapi/linux/version.h computes it. */
export function versionCode(release: string): number {
  const [major = 0, minor = 0, patch = 0] = (/^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release) ?? [])
    .slice(1)
    .map((part) => Number(part ?? 0));
  return (major << 16) + (minor << 8) + Math.min(patch, 255);
}
