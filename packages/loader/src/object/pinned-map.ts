/** Maps that are pinned: found and reused where there is a pin, pinned where there is none (LIBBPF_PIN_BY_NAME). */
import { Errno, mapTypeName } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, MapCreateAttributes, MapInfo } from "@bpfkit/base/kernel";
import { type MapSpec, PinByName } from "../spec/map-spec.ts";

/** Where maps are pinned by name unless the caller names another folder. */
export const defaultPinRoot = "/sys/fs/bpf";

const pinTag = "bpfkit:pin:";

/** Where a map is to be found and kept; undefined: nowhere. */
export function pinPathOf(spec: MapSpec, pinRoot: string): string | undefined {
  if (spec.pinPath !== undefined) return spec.pinPath;
  const tag = spec.tags.find((candidate) => candidate.startsWith(pinTag));
  if (tag !== undefined) return tag.slice(pinTag.length);
  return spec.pinning === PinByName ? `${pinRoot}/${spec.name}` : undefined;
}

/**
 * The map that is pinned at a path; undefined where nothing is.
 * @throws BpfkitError LD080 where something else is pinned there
 */
export function openPinnedMap(
  kernel: Kernel,
  name: string,
  path: string,
  wanted: MapCreateAttributes,
): Fd | undefined {
  let fd: Fd;
  try {
    fd = kernel.objects.openPinned(path);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === Errno.ENOENT) return undefined;
    throw pinFailure(name, path, error);
  }
  try {
    const kind = kernel.objects.kindOf(fd);
    if (kind !== "map") {
      throw new BpfkitError("LD080", `map ${name}: at ${path} a ${kind ?? "file"} is pinned, not a map`, {
        hint: "Remove the file or pin the map elsewhere.",
      });
    }
    requireSame(name, path, wanted, kernel.mapInfo(fd));
    return fd;
  } catch (error) {
    kernel.close(fd);
    throw error;
  }
}

/** Pins a new map. @throws BpfkitError LD080 */
export function pinMap(kernel: Kernel, name: string, path: string, map: Fd): void {
  try {
    kernel.objects.pin(map, path);
  } catch (error) {
    throw pinFailure(name, path, error);
  }
}

function pinFailure(name: string, path: string, error: unknown): unknown {
  if (!(error instanceof SyscallError)) return error;
  const elsewhere = error.errno === Errno.EPERM || error.errno === Errno.EINVAL;
  const hint =
    elsewhere || error.errno === Errno.EACCES
      ? "Pins live in a BPF file system; as root: mount -t bpf bpf /sys/fs/bpf."
      : undefined;
  return new BpfkitError("LD080", `map ${name} could not be pinned at ${path}: ${error.message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What libbpf compares, too (map_is_reuse_compat). */
function requireSame(name: string, path: string, wanted: MapCreateAttributes, found: MapInfo): void {
  const differences: string[] = [];
  const compare = (what: string, here: string | number | bigint, there: string | number | bigint): void => {
    if (here !== there) differences.push(`${what} ${there}, not ${here}`);
  };
  compare("type", mapTypeName(wanted.type), mapTypeName(found.type));
  compare("key size", wanted.keySize, found.keySize);
  compare("value size", wanted.valueSize, found.valueSize);
  compare("max_entries", wanted.maxEntries, found.maxEntries);
  compare("flags", wanted.flags, found.flags);
  compare("map_extra", wanted.mapExtra ?? 0n, found.mapExtra);
  if (differences.length === 0) return;
  throw new BpfkitError(
    "LD080",
    `map ${name} is not like the one that is pinned at ${path}, which has ${differences.join("; ")}`,
    {
      hint: "Another program, or an older version of this one, pinned it: remove the file or pin elsewhere.",
    },
  );
}
