/** What this process lacks to trace, in words: capabilities, lockdown, seccomp, sysctls. */
import { readFileSync } from "node:fs";
import { release as kernelRelease } from "node:os";
import { Command, Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import { rawSyscall } from "./ffi.ts";
import { isMemoryLimited } from "./rlimit.ts";

/** Bits of capability sets (uapi linux/capability.h). CAP_BPF and CAP_PERFMON came with Linux 5.8. */
const capabilityBits = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n, CAP_PERFMON: 38n, CAP_BPF: 39n } as const;

/** A capability that tracing may need. */
export type Capability = keyof typeof capabilityBits;

/** Of securityfs; it marks the level that is in force with brackets. */
const lockdownFile = "/sys/kernel/security/lockdown";

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Absent on this kernel or hidden from this user: then it cannot explain anything.
    return undefined;
  }
}

function statusField(name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(read("/proc/self/status") ?? "")?.[1];
}

/** Those of CAP_BPF and CAP_PERFMON that this process has neither itself nor through CAP_SYS_ADMIN. */
export function missingCapabilities(
  effectiveSet: bigint,
  wanted: readonly Capability[] = ["CAP_BPF", "CAP_PERFMON"],
): Capability[] {
  const has = (name: Capability) => ((effectiveSet >> capabilityBits[name]) & 1n) === 1n;
  if (has("CAP_SYS_ADMIN")) return [];
  return wanted.filter((name) => !has(name));
}

/** Advice where something was refused to a process that has not all capabilities of root. */
export function administratorAdvice(why: string): string | undefined {
  const isMissing = missingCapabilities(effectiveSet(), ["CAP_SYS_ADMIN"]).length > 0;
  return isMissing ? `${why}: run it as root (sudo).` : undefined;
}

/** Advice where something of networks was refused to a process without CAP_NET_ADMIN. */
export function networkAdvice(what: string): string | undefined {
  const isMissing = missingCapabilities(effectiveSet(), ["CAP_NET_ADMIN"]).length > 0;
  return isMissing
    ? `${what} need CAP_NET_ADMIN, which this process lacks: run it as root (sudo).`
    : undefined;
}

function effectiveSet(): bigint {
  return BigInt(`0x${statusField("CapEff") ?? "0"}`);
}

/** @throws BpfkitError LK003 where capabilities are missing, LK006 where the kernel is locked down */
export function requirePrivileges(): void {
  const missing = missingCapabilities(effectiveSet());
  if (missing.length > 0) {
    throw new BpfkitError("LK003", `this machine's kernel needs ${missing.join(" and ")}`, {
      hint: "Run it as root (sudo), or give node both: setcap cap_bpf,cap_perfmon+ep. Without --target kernel, bpfkit run needs no privileges.",
    });
  }
  if (/\[confidentiality\]/.test(read(lockdownFile) ?? "")) {
    throw new BpfkitError(
      "LK006",
      "this kernel is locked down: nobody may trace it (lockdown=confidentiality)",
      {
        hint: "Boot with lockdown=integrity or none; Secure Boot may turn lockdown on.",
      },
    );
  }
}

/**
 * Asks for nothing, to see whether bpf(2) can be called at all.
 * @throws BpfkitError LK003 where something around this process refuses it, LK010 where the kernel does not have it
 */
export function requireBpf(): void {
  // Without instructions the kernel refuses the program, whatever this process may.
  const result = rawSyscall("bpf", Command.ProgLoad, undefined, 0);
  const error = new SyscallError("bpf", -result);
  if (result === -Errno.EPERM || result === -Errno.EACCES) throw notPermitted("the bpf system call", error);
  if (result === -Errno.ENOSYS) throw absentCall("bpf", "CONFIG_BPF_SYSCALL", error);
}

/** The error of a system call that is not there: for this process, by a filter, or in this kernel. */
export function absentCall(call: string, option: string, cause: SyscallError): BpfkitError {
  if (statusField("Seccomp") === "2") return notPermitted(`the ${call} system call`, cause);
  return new BpfkitError("LK010", `this kernel has no ${call} system call`, {
    cause,
    hint: `It was built without ${option}.`,
  });
}

/** Where the users of this process's namespace begin in the machine's; the whole range in the machine's own. */
const wholeMachine = /^\s*0\s+0\s+4294967295\s*$/;

/** Reasons that stand in /proc: they explain a refusal whatever the call was. */
function surroundings(): string[] {
  const reasons: string[] = [];
  const uidMap = read("/proc/self/uid_map");
  if (uidMap !== undefined && !wholeMachine.test(uidMap)) {
    reasons.push(
      "This process is in a user namespace, as in a rootless container: its capabilities do not count for BPF. Run it as the machine's own root.",
    );
  }
  if (statusField("Seccomp") === "2") {
    reasons.push(
      "A seccomp filter is on: in containers allow bpf and perf_event_open, for example with --privileged.",
    );
  }
  const limit = /^Max locked memory\s+(\d+)/m.exec(read("/proc/self/limits") ?? "")?.[1];
  if (limit !== undefined && isMemoryLimited(kernelRelease())) {
    reasons.push(
      `Before Linux 5.11 RLIMIT_MEMLOCK bounds BPF, here to ${limit} bytes: ulimit -l unlimited as root, or LimitMEMLOCK=infinity in a systemd unit.`,
    );
  }
  return reasons;
}

/** The error of a kernel call that was not permitted although the capabilities are there, or of one without them. */
export function notPermitted(what: string, cause: unknown, advice?: string): BpfkitError {
  const missing = missingCapabilities(effectiveSet());
  const reasons: string[] = advice === undefined ? [] : [advice];
  if (missing.length > 0) reasons.push(`this process lacks ${missing.join(" and ")}: run it as root (sudo).`);
  reasons.push(...surroundings());
  const isAdministrator = missingCapabilities(effectiveSet(), ["CAP_SYS_ADMIN"]).length === 0;
  const paranoid = read("/proc/sys/kernel/perf_event_paranoid")?.trim();
  if (!isAdministrator && paranoid !== undefined && Number(paranoid) > 2) {
    reasons.push(`kernel.perf_event_paranoid is ${paranoid}; 2 and lower leave perf events to CAP_PERFMON.`);
  }
  if (reasons.length === 0) {
    reasons.push("A security module or lockdown may forbid it; see the kernel's log.");
    if (read(lockdownFile) === undefined) {
      reasons.push("Lockdown shows itself after mount -t securityfs none /sys/kernel/security.");
    }
  }
  const hint = reasons.join(" ");
  return new BpfkitError("LK003", `the kernel does not permit ${what}`, { cause, hint });
}
