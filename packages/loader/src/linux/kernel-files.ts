/** Files of procfs, sysfs and tracefs, and in words what a missing one means. */
import { closeSync, constants, existsSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import { notPermitted } from "./privileges.ts";

const tracefsMounts = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] as const;
const kernelTypes = "/sys/kernel/btf/vmlinux";

/** Where tracefs is mounted. @throws BpfkitError LK007 where it is not, LK003 where this user may not look */
export function tracefsRoot(): string {
  for (const root of tracefsMounts) {
    try {
      statSync(`${root}/events`);
      return root;
    } catch (error) {
      if (errnoOf(error) === Errno.EACCES) throw failure(root, error);
    }
  }
  requireSysfs();
  throw new BpfkitError(
    "LK007",
    "tracefs is not mounted, so tracepoints and the trace pipe cannot be found",
    {
      hint: "As root: mount -t tracefs tracefs /sys/kernel/tracing. A kernel without CONFIG_TRACING has none.",
    },
  );
}

/**
 * Reads a whole file. Paths of tracefs are given below /sys/kernel/tracing, wherever it is mounted.
 * @throws SyscallError ENOENT; BpfkitError LK003, LK004, LK007 where the reason is known
 */
export function readKernelFile(path: string): Uint8Array {
  const [usual] = tracefsMounts;
  const actual = path.startsWith(`${usual}/`) ? tracefsRoot() + path.slice(usual.length) : path;
  try {
    const buffer = readFileSync(actual);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (error) {
    throw failure(actual, error);
  }
}

/** The kernel's build configuration: from itself, or from where distributions put it. */
export function readConfiguration(release: string): string | undefined {
  try {
    return gunzipSync(readFileSync("/proc/config.gz")).toString("utf8");
  } catch {
    // Built without CONFIG_IKCONFIG_PROC.
  }
  for (const path of [`/boot/config-${release}`, `/lib/modules/${release}/config`]) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Not this distribution's place.
    }
  }
  return undefined;
}

/** Adds a line to a control file of tracefs. @throws SyscallError EEXIST, EINVAL, ENOENT; BpfkitError LK003, LK007 */
export function writeTraceControl(path: string, line: string): void {
  const [usual] = tracefsMounts;
  const actual = path.startsWith(`${usual}/`) ? tracefsRoot() + path.slice(usual.length) : path;
  let fd: number | undefined;
  try {
    // Not created where it is absent.
    fd = openSync(actual, constants.O_WRONLY | constants.O_APPEND);
    writeSync(fd, line);
  } catch (error) {
    throw failure(actual, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Positive errno of a failure of node:fs. */
function errnoOf(error: unknown): number {
  return error instanceof Error && "errno" in error ? -Number(error.errno) : Errno.EIO;
}

/** @throws BpfkitError LK009 where sysfs is not mounted: then nothing that it would tell is known */
export function requireSysfs(cause?: unknown): void {
  if (existsSync("/sys/kernel")) return;
  const missing = new SyscallError("open", Errno.ENOENT, { detail: "/sys/kernel", cause });
  throw new BpfkitError("LK009", "sysfs is not mounted, so the kernel's types and probes cannot be found", {
    cause: missing,
    hint: "As root: mount -t sysfs sysfs /sys.",
  });
}

function adviceFor(path: string): string {
  const isTraced = tracefsMounts.some((root) => path.startsWith(root));
  return isTraced
    ? "Usually only root may; a group can be let in: mount -o remount,mode=750,gid=GROUP /sys/kernel/tracing."
    : "Usually only root may.";
}

/** What a failure of node:fs with a kernel file means. */
export function failure(path: string, error: unknown): Error {
  const code = errnoOf(error);
  if (code === Errno.ENOENT && path.startsWith("/sys/")) requireSysfs(error);
  if (code === Errno.ENOENT && path === kernelTypes) {
    return new BpfkitError(
      "LK004",
      "this kernel has no BTF, which portable programs need to find its types",
      {
        cause: error,
        hint: "Use a kernel built with CONFIG_DEBUG_INFO_BTF (Debian 11, Ubuntu 20.10, Fedora 31, RHEL 8.2 and newer have it).",
      },
    );
  }
  const cause = new SyscallError("open", code, { detail: path, cause: error });
  const forbidden = code === Errno.EACCES || code === Errno.EPERM;
  return forbidden ? notPermitted(`reading ${path}`, cause, adviceFor(path)) : cause;
}
