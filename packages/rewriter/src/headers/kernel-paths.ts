/** Which header paths the kernel has; all of them are answered by the same types. */
import { kernelHeaderPaths } from "./kernel-header-paths.gen.ts";

let known: ReadonlyMap<string, ReadonlySet<string>> | undefined;

function folders(): ReadonlyMap<string, ReadonlySet<string>> {
  if (known === undefined) {
    known = new Map(
      kernelHeaderPaths.split("\n").map((line) => {
        const [folder = "", names = ""] = line.split(": ");
        return [folder, new Set(names.split(" "))];
      }),
    );
  }
  return known;
}

function split(path: string): readonly [folder: string, name: string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1).replace(/\.h$/, "")];
}

/** True for a header of Linux 6.1's `include` (x86 and arm64 for `asm`), with or without `uapi/`. */
export function isKernelHeader(path: string): boolean {
  const [folder, name] = split(path);
  return folders().get(folder)?.has(name) ?? false;
}

/** True where the folder is one of the kernel's, so that an unknown name in it is likely a slip. */
export function isKernelFolder(path: string): boolean {
  return folders().has(split(path)[0]);
}

/** Names in the same folder, for suggestions. */
export function headersBeside(path: string): readonly string[] {
  const [folder] = split(path);
  return [...(folders().get(folder) ?? [])].map((name) => `${folder}/${name}.h`);
}
