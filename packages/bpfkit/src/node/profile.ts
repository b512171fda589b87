/** Kernel profiles on Node: the bundled one, and BTF given as a file or taken from the running kernel. */
import { readdirSync, readFileSync } from "node:fs";
import { arch, release as kernelRelease } from "node:os";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { KernelProfile } from "@bpfkit/base/kernel";
import { type ProfileContainer, readProfileContainer } from "./profile-container.ts";

/** Name of the profile that comes with the package: the default kernel for building and for the simulated kernel. */
export const BundledProfileName = "debian-6.1-cloud-amd64";

let bundled: KernelProfile | undefined;

/**
 * The profile that comes with the package, shared by all callers. BTF, formats and functions are each decompressed on
 * first use and then kept.
 */
export function loadBundledProfile(): KernelProfile {
  if (bundled === undefined) {
    const file = `${BundledProfileName}.bpfkit-profile`;
    const path = fileURLToPath(new URL(`../../profiles/${file}`, import.meta.url));
    bundled = readProfile(bytesOf(readFileSync(path)), file);
  }
  return bundled;
}

/**
 * A profile out of the bytes of a `.bpfkit-profile` file. Parts are decompressed on first use.
 * @param fileName for messages
 * @throws BpfkitError PF001 where the file is not a profile; damage inside a part is reported when the part is used
 */
export function readProfile(bytes: Uint8Array, fileName = "profile"): KernelProfile {
  const container = readProfileContainer(bytes, fileName);
  const { name, release, architecture, origin } = container.header;
  const btf = once(() => inflate(container, "btf", fileName));
  const formats = once(() => parseFormats(inflateText(container, "formats", fileName)));
  const functions = once(() => inflateText(container, "functions", fileName).split("\n"));
  return {
    name,
    release,
    architecture,
    origin,
    get btf() {
      return btf();
    },
    get tracepointFormats() {
      return formats();
    },
    get probeableFunctions() {
      return functions();
    },
  };
}

/**
 * A profile for `--btf`: a file of raw BTF or a `.bpfkit-profile`, or `host` for the running kernel.
 * BTF alone says nothing of tracepoints and functions: for `host` they are read from tracefs where it is readable, and in
 * every other case they are the bundled profile's.
 * @throws BpfkitError PF002 where the file cannot be read, PF003 where it is not BTF
 */
export function loadProfileFromBtf(source: string): KernelProfile {
  const isHost = source === "host";
  const path = isHost ? HostBtfPath : source;
  let bytes: Uint8Array;
  try {
    bytes = bytesOf(readFileSync(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BpfkitError("PF002", `cannot read the kernel's types from ${path}: ${why}`, {
      cause: error,
      hint: isHost
        ? "This kernel was built without CONFIG_DEBUG_INFO_BTF; leave --btf away to use the bundled profile."
        : "--btf takes a file of raw BTF (as /sys/kernel/btf/vmlinux), a .bpfkit-profile file, or the word host.",
    });
  }
  if (path.endsWith(".bpfkit-profile")) return readProfile(bytes, path);
  if (bytes[0] !== 0x9f || bytes[1] !== 0xeb) {
    throw new BpfkitError("PF003", `${path} is not BTF: it does not start with the bytes 9f eb`, {
      hint: "pahole --btf_encode_detached and /sys/kernel/btf/vmlinux give raw BTF; an ELF file is not accepted here.",
    });
  }
  const fallback = loadBundledProfile();
  const formats = once(() => (isHost ? hostFormats() : undefined) ?? fallback.tracepointFormats);
  const functions = once(() => (isHost ? hostFunctions() : undefined) ?? fallback.probeableFunctions);
  return {
    name: isHost ? "host" : path,
    release: isHost ? kernelRelease() : fallback.release,
    architecture: isHost && arch() === "arm64" ? "arm64" : "x86_64",
    origin: { package: isHost ? "host" : path, version: "", sha256: "" },
    btf: bytes,
    get tracepointFormats() {
      return formats();
    },
    get probeableFunctions() {
      return functions();
    },
  };
}

const HostBtfPath = "/sys/kernel/btf/vmlinux";
const HostTracefs = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/** `CATEGORY/NAME` -> format text out of the formats section: each is a line `== CATEGORY/NAME`, then the kernel's text. */
function parseFormats(text: string): ReadonlyMap<string, string> {
  const formats = new Map<string, string>();
  for (const part of text.split(/^== /m)) {
    const lineEnd = part.indexOf("\n");
    if (lineEnd > 0) formats.set(part.slice(0, lineEnd), part.slice(lineEnd + 1));
  }
  return formats;
}

function hostFormats(): ReadonlyMap<string, string> | undefined {
  for (const root of HostTracefs) {
    try {
      const formats = new Map<string, string>();
      for (const category of readdirSync(`${root}/events`, { withFileTypes: true })) {
        if (!category.isDirectory()) continue;
        for (const event of readdirSync(`${root}/events/${category.name}`, { withFileTypes: true })) {
          if (!event.isDirectory()) continue;
          const name = `${category.name}/${event.name}`;
          formats.set(name, readFileSync(`${root}/events/${name}/format`, "utf8"));
        }
      }
      if (formats.size > 0) return formats;
    } catch {
      // Not mounted there, or not for this user: look in the next place, then fall back.
    }
  }
  return undefined;
}

function hostFunctions(): readonly string[] | undefined {
  for (const root of HostTracefs) {
    try {
      const lines = readFileSync(`${root}/available_filter_functions`, "utf8").split("\n");
      // A function of a module is followed by the module's name in brackets.
      const names = lines.map((line) => line.split(/\s/, 1)[0] ?? "").filter((name) => name !== "");
      if (names.length > 0) return names;
    } catch {
      // As above.
    }
  }
  return undefined;
}

function inflateText(container: ProfileContainer, name: string, fileName: string): string {
  return new TextDecoder().decode(inflate(container, name, fileName));
}

function inflate(container: ProfileContainer, name: string, fileName: string): Uint8Array {
  const { bytes, rawSize } = container.section(name);
  let raw: Uint8Array;
  try {
    raw = bytesOf(brotliDecompressSync(bytes, { maxOutputLength: Math.max(rawSize, 1) }));
  } catch (error) {
    throw new BpfkitError("PF001", `${fileName} is not a usable kernel profile: section ${name} is damaged`, {
      cause: error,
    });
  }
  if (raw.length !== rawSize) {
    throw new BpfkitError("PF001", `${fileName} is not a usable kernel profile: section ${name} is cut off`);
  }
  return raw;
}

/** The same memory as plain bytes. */
function bytesOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
