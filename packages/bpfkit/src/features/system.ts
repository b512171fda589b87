/** What surrounds BPF in a kernel: sysctls, how it was built, what this process may, where events come from. */
import type { Kernel } from "@bpfkit/base/kernel";
import { KernelSymbols } from "@bpfkit/loader";
import type { JsonNode } from "../loaded/json-text.ts";
import { kernelConfig } from "./kernel-config.ts";
import { addHiddenAddresses, addNoConfiguration, type Obstacles } from "./obstacles.ts";
import { readOptionalText } from "./optional-file.ts";

/** Names in bpftool's `system_config`; `configOptions` follow them. Null: not known, or not set. */
export type SystemConfig = Readonly<Record<string, number | string | null>>;

/** sysctls by bpftool's names for them. */
const sysctls: Readonly<Record<string, string>> = {
  unprivileged_bpf_disabled: "kernel/unprivileged_bpf_disabled",
  bpf_jit_enable: "net/core/bpf_jit_enable",
  bpf_jit_harden: "net/core/bpf_jit_harden",
  bpf_jit_kallsyms: "net/core/bpf_jit_kallsyms",
  bpf_jit_limit: "net/core/bpf_jit_limit",
};

/** Options of the kernel's configuration that matter to BPF: those that bpftool names, and kprobes. */
export const configOptions = [
  "CONFIG_BPF",
  "CONFIG_BPF_SYSCALL",
  "CONFIG_HAVE_EBPF_JIT",
  "CONFIG_BPF_JIT",
  "CONFIG_BPF_JIT_ALWAYS_ON",
  "CONFIG_DEBUG_INFO_BTF",
  "CONFIG_DEBUG_INFO_BTF_MODULES",
  "CONFIG_CGROUPS",
  "CONFIG_CGROUP_BPF",
  "CONFIG_CGROUP_NET_CLASSID",
  "CONFIG_SOCK_CGROUP_DATA",
  "CONFIG_BPF_EVENTS",
  "CONFIG_BPF_LSM",
  "CONFIG_KPROBES",
  "CONFIG_KPROBE_EVENTS",
  "CONFIG_UPROBE_EVENTS",
  "CONFIG_FPROBE",
  "CONFIG_TRACING",
  "CONFIG_FTRACE_SYSCALLS",
  "CONFIG_FUNCTION_ERROR_INJECTION",
  "CONFIG_BPF_KPROBE_OVERRIDE",
  "CONFIG_NET",
  "CONFIG_XDP_SOCKETS",
  "CONFIG_LWTUNNEL_BPF",
  "CONFIG_NET_ACT_BPF",
  "CONFIG_NET_CLS_BPF",
  "CONFIG_NET_CLS_ACT",
  "CONFIG_NET_SCH_INGRESS",
  "CONFIG_XFRM",
  "CONFIG_IP_ROUTE_CLASSID",
  "CONFIG_IPV6_SEG6_BPF",
  "CONFIG_BPF_LIRC_MODE2",
  "CONFIG_BPF_STREAM_PARSER",
  "CONFIG_NETFILTER_XT_MATCH_BPF",
  "CONFIG_BPFILTER",
  "CONFIG_BPFILTER_UMH",
  "CONFIG_TEST_BPF",
  "CONFIG_HZ",
] as const;

/** Sysctls and configuration. */
export function systemConfig(kernel: Kernel, obstacles: Obstacles): SystemConfig {
  const facts: Record<string, number | string | null> = {};
  for (const [name, path] of Object.entries(sysctls)) {
    const text = readOptionalText(kernel, `/proc/sys/${path}`);
    facts[name] = text === undefined || text === "" ? null : Number(text);
  }
  const config = kernelConfig(kernel);
  if (config === undefined) addNoConfiguration(obstacles);
  for (const name of configOptions) facts[name] = config?.get(name) ?? null;
  return facts;
}

/** Bits of capability sets (uapi linux/capability.h) that BPF asks for. */
const capabilities = {
  CAP_NET_ADMIN: 12n,
  CAP_SYS_ADMIN: 21n,
  CAP_SYS_RESOURCE: 24n,
  CAP_PERFMON: 38n,
  CAP_BPF: 39n,
} as const;

/** What this process may, and what may keep it from tracing. */
export interface Privileges {
  readonly [name: string]: JsonNode;
  /** Those of the capabilities that BPF asks for which are in effect. */
  readonly capabilities: readonly string[];
  /** `none`, `strict` or `filter`. */
  readonly seccomp: string;
  /** `none`, `integrity` or `confidentiality`; null where the kernel has no lockdown, or securityfs is not mounted. */
  readonly lockdown: string | null;
  readonly perf_event_paranoid: number | null;
  readonly kptr_restrict: number | null;
}

/** Reads /proc/self/status, the lockdown file and sysctls. */
export function privileges(kernel: Kernel): Privileges {
  const status = readOptionalText(kernel, "/proc/self/status") ?? "";
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1];
  const effective = BigInt(`0x${field("CapEff") ?? "0"}`);
  const number = (path: string) => {
    const text = readOptionalText(kernel, path);
    return text === undefined ? null : Number(text);
  };
  const lockdown = readOptionalText(kernel, "/sys/kernel/security/lockdown");
  return {
    capabilities: Object.entries(capabilities)
      .filter(([, bit]) => ((effective >> bit) & 1n) === 1n)
      .map(([name]) => name),
    seccomp: ["none", "strict", "filter"][Number(field("Seccomp") ?? 0)] ?? "unknown",
    lockdown: /\[(\w+)\]/.exec(lockdown ?? "")?.[1] ?? null,
    perf_event_paranoid: number("/proc/sys/kernel/perf_event_paranoid"),
    kptr_restrict: number("/proc/sys/kernel/kptr_restrict"),
  };
}

/** Where events come from; null where this process cannot see it, for a reason among the obstacles. */
export interface EventSources {
  readonly [name: string]: boolean | null;
  readonly kprobes: boolean | null;
  readonly uprobes: boolean | null;
  readonly tracepoints: boolean | null;
  readonly kernel_types: boolean | null;
  readonly kernel_symbols: boolean | null;
}

/** Looks for the files that tell. */
export function eventSources(kernel: Kernel, obstacles: Obstacles): EventSources {
  const has = (path: string) => obstacles.has(kernel, path);
  return {
    kprobes: has("/sys/bus/event_source/devices/kprobe/type"),
    uprobes: has("/sys/bus/event_source/devices/uprobe/type"),
    tracepoints: has("/sys/kernel/tracing/events/sched/sched_switch/id"),
    kernel_types: has("/sys/kernel/btf/vmlinux"),
    kernel_symbols: kernelSymbols(kernel, obstacles),
  };
}

function kernelSymbols(kernel: Kernel, obstacles: Obstacles): boolean | null {
  const there = obstacles.has(kernel, "/proc/kallsyms");
  if (there !== true || !new KernelSymbols(kernel).hidden) return there;
  addHiddenAddresses(kernel, obstacles);
  return null;
}
