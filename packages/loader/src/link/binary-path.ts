/** Names of programs and libraries to paths, as the shell and the dynamic linker find them. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";

/** Where libraries are where no cache says so; the middle two are Debian's. */
const libraryFolders = [
  "/lib64",
  "/usr/lib64",
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib/aarch64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/lib",
  "/usr/lib",
  "/usr/local/lib",
] as const;

const cachePath = "/etc/ld.so.cache";
/** Start of the format that glibc has written since 2.1; in older files it follows another table. */
const cacheMagic = "glibc-ld.so.cache1.1";
const cacheHeaderSize = 48;
const cacheEntrySize = 24;
const mostCacheEntries = 65_536;

function isFile(kernel: Kernel, path: string): boolean {
  const file = kernel.openFile(path);
  file?.close();
  return file !== undefined;
}

/** `libc.so.6` -> path, from the dynamic linker's cache; empty where there is none or it is damaged. */
function cachedLibraries(kernel: Kernel): Map<string, string> {
  const libraries = new Map<string, string>();
  const file = kernel.openFile(cachePath);
  if (file === undefined) return libraries;
  const bytes = file.read(0, file.sizeBytes);
  file.close();
  const text = new TextDecoder("latin1").decode(bytes);
  const start = text.indexOf(cacheMagic);
  if (start === -1 || start + cacheHeaderSize > bytes.length) return libraries;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.min(mostCacheEntries, view.getUint32(start + cacheMagic.length, true));
  const stringAt = (offset: number): string => {
    const end = text.indexOf("\0", start + offset);
    return end === -1 ? "" : text.slice(start + offset, end);
  };
  for (let index = 0; index < count; index++) {
    const at = start + cacheHeaderSize + index * cacheEntrySize;
    if (at + cacheEntrySize > bytes.length) break;
    const name = stringAt(view.getUint32(at + 4, true));
    // Of several for one name, the first is the preferred one.
    if (name !== "" && !libraries.has(name)) libraries.set(name, stringAt(view.getUint32(at + 8, true)));
  }
  return libraries;
}

/** `c` -> the newest `libc.so.N` of the cache or folders (BCC's way of naming libraries). */
function libraryByShortName(
  kernel: Kernel,
  cache: ReadonlyMap<string, string>,
  name: string,
): string | undefined {
  const prefix = `lib${name}.so`;
  for (const [library, path] of cache) {
    if ((library === prefix || library.startsWith(`${prefix}.`)) && isFile(kernel, path)) return path;
  }
  for (const folder of libraryFolders) {
    for (const version of ["", ".6", ".3", ".2", ".1", ".0"]) {
      const path = `${folder}/${prefix}${version}`;
      if (isFile(kernel, path)) return path;
    }
  }
  return undefined;
}

/**
 * The file that is meant: a path as it is; `libc.so.6` in the folders of libraries; `bash` in those of programs; `c` as
 * short for `libc.so.N`.
 * @throws BpfkitError LD082 where there is no such file
 */
export function resolveBinary(kernel: Kernel, name: string): string {
  if (name.includes("/")) {
    if (isFile(kernel, name)) return name;
    throw new BpfkitError("LD082", `there is no file ${name} to probe, or it may not be read`);
  }
  const cache = cachedLibraries(kernel);
  if (name.includes(".so")) {
    const cached = cache.get(name);
    const folders = libraryFolders.map((folder) => `${folder}/${name}`);
    const found = [...(cached === undefined ? [] : [cached]), ...folders].find((path) =>
      isFile(kernel, path),
    );
    if (found !== undefined) return found;
  } else {
    const found =
      kernel.programFolders.map((folder) => `${folder}/${name}`).find((path) => isFile(kernel, path)) ??
      libraryByShortName(kernel, cache, name);
    if (found !== undefined) return found;
  }
  throw new BpfkitError("LD082", `no program or library ${name} is found on this machine`, {
    hint: "Give its whole path.",
  });
}
