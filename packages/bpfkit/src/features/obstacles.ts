/** What keeps one from seeing all that a kernel can do: file systems not mounted, permissions, sysctls; each with its remedy. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { JsonNode } from "../loaded/json-text.ts";
import { readOptionalText } from "./optional-file.ts";

/** One thing that is in the way. */
export interface Obstacle {
  readonly [name: string]: JsonNode;
  /** As in messages, `LK007`; null for what is no error elsewhere. */
  readonly code: string | null;
  readonly message: string;
  readonly hint: string | null;
}

/** Collects what is in the way, each once. */
export class Obstacles {
  readonly #found = new Map<string, Obstacle>();

  get all(): readonly Obstacle[] {
    return [...this.#found.values()];
  }

  add(message: string, hint: string): void {
    this.#found.set(message, { code: null, message, hint });
  }

  /** Whether a kernel file is there; null, with the reason kept, where that cannot be seen. */
  has(kernel: Kernel, path: string): boolean | null {
    try {
      kernel.readKernelFile(path);
      return true;
    } catch (error) {
      if (!(error instanceof BpfkitError)) return false;
      const { code, message, hint = null } = error;
      // A kernel without types is an answer.
      const isAnswer = code === "LK004";
      if (code.startsWith("LK")) this.#found.set(message, { code, message, hint });
      return isAnswer || !code.startsWith("LK") ? false : null;
    }
  }
}

/** Why the kernel shows no addresses to this process (kernel/kallsyms.c, kallsyms_show_value). */
export function addHiddenAddresses(kernel: Kernel, obstacles: Obstacles): void {
  const restriction = readOptionalText(kernel, "/proc/sys/kernel/kptr_restrict");
  const everybody = restriction !== undefined && Number(restriction) > 1;
  obstacles.add(
    "the kernel hides its addresses from this process, so its functions have no names",
    everybody
      ? `kernel.kptr_restrict is ${restriction}, which hides them from everybody: sysctl kernel.kptr_restrict=1.`
      : "Run it as root, or give it CAP_SYSLOG.",
  );
}

/** Debian and Ubuntu know values above 2, which leave perf events, and probes with them, to CAP_SYS_ADMIN. */
export function addParanoia(
  obstacles: Obstacles,
  paranoid: number | null,
  capabilities: readonly string[],
): void {
  if (paranoid === null || paranoid <= 2 || capabilities.includes("CAP_SYS_ADMIN")) return;
  obstacles.add(
    `kernel.perf_event_paranoid is ${paranoid}, which leaves perf events (kprobes, uprobes, tracepoints, samples) to CAP_SYS_ADMIN`,
    "sysctl kernel.perf_event_paranoid=2, or run it as root.",
  );
}

const configurationHint =
  "It is looked for in /proc/config.gz (modprobe configs may bring it), /boot/config-RELEASE and /lib/modules/RELEASE/config.";

/** A kernel whose configuration is not to be had. */
export function addNoConfiguration(obstacles: Obstacles): void {
  obstacles.add("the kernel's configuration is not to be had", configurationHint);
}

/** Questions that were not permitted, by what they asked for. */
export function addNotPermitted(
  obstacles: Obstacles,
  names: readonly string[],
  capabilities: readonly string[],
): void {
  if (names.length === 0) return;
  const wanted = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON"];
  const missing = wanted.filter((name) => !capabilities.includes(name));
  const first = names.slice(0, 6).join(", ");
  const rest = names.length > 6 ? ` and ${names.length - 6} more` : "";
  obstacles.add(
    `this process was not permitted to try ${first}${rest}`,
    missing.length === 0
      ? "A security module or another filter forbids them."
      : `It lacks ${missing.join(" and ")}: run it as root.`,
  );
}

/** File systems that tracing needs, with the usual place of each. */
const fileSystems = {
  tracefs: "/sys/kernel/tracing",
  bpf: "/sys/fs/bpf",
  cgroup2: "/sys/fs/cgroup",
  securityfs: "/sys/kernel/security",
} as const;

/** Where each is mounted; null: nowhere. */
export type FileSystems = Readonly<Record<keyof typeof fileSystems, string | null>>;

/** Reads /proc/self/mounts; undefined where it cannot be read. */
export function mountedFileSystems(kernel: Kernel): FileSystems | undefined {
  const mounts = readOptionalText(kernel, "/proc/self/mounts");
  if (mounts === undefined) return undefined;
  const lines = mounts.split("\n").map((line) => line.split(" "));
  const placeOf = (type: string, usual: string): string | null => {
    const places = lines.filter(([, , each]) => each === type).map(([, place = ""]) => place);
    return places.includes(usual) ? usual : (places[0] ?? null);
  };
  const found = Object.entries(fileSystems).map(([type, usual]) => [type, placeOf(type, usual)]);
  return Object.fromEntries(found) as FileSystems;
}

/** What is missing without each file system. tracefs is left to whoever reads its files. */
const consequences = {
  bpf: "no BPF file system is mounted: nothing can be pinned",
  cgroup2: "no cgroup2 file system is mounted: programs have no cgroups to be attached to",
  securityfs: "securityfs is not mounted: whether the kernel is locked down is not known",
} as const;

/** Says what is missing through file systems that are not mounted. */
export function addUnmounted(obstacles: Obstacles, mounted: FileSystems): void {
  for (const type of ["bpf", "cgroup2", "securityfs"] as const) {
    if (mounted[type] !== null) continue;
    obstacles.add(consequences[type], `As root: mount -t ${type} none ${fileSystems[type]}.`);
  }
}
