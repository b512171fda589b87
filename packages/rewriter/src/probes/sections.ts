/** Section names of programs: from the prefixes by which BCC attaches them, or from the type of the context. */

/** What the name of a program says. */
export interface ProgramSection {
  readonly section: string;
  /** True where the name says what to attach to. */
  readonly isAttached: boolean;
}

/** How the kernel names system call functions, by architecture (arch/ARCH/include/asm/syscall_wrapper.h). */
const syscallPrefix: Readonly<Record<string, string>> = { x86_64: "__x64_sys_", arm64: "__arm64_sys_" };

/** Prefixes that BCC replaces by the running system's (BCC 0.26: get_syscall_prefix). */
const anySyscallPrefix =
  /^(?:sys_|__x64_sys_|__x32_compat_sys_|__ia32_compat_sys_|__arm64_sys_|__s390x_sys_|__s390_sys_|__riscv_sys_)/;

/** Prefix of a program's name -> section of its target; the target is the rest of the name. */
const prefixes: readonly (readonly [
  prefix: RegExp,
  section: (target: string, architecture: string) => string,
])[] = [
  [/^kprobe__/, (target, architecture) => `kprobe/${kernelFunction(target, architecture)}`],
  [/^kretprobe__/, (target, architecture) => `kretprobe/${kernelFunction(target, architecture)}`],
  [/^tracepoint__/, (target) => `tracepoint/${target.split("__").join("/")}`],
  [/^raw_tracepoint__/, (target) => `raw_tp/${target}`],
  [/^kfunc__/, (target) => `fentry/${moduleFunction(target)}`],
  [/^kretfunc__/, (target) => `fexit/${moduleFunction(target)}`],
  [/^kmod_ret__/, (target) => `fmod_ret/${target}`],
  [/^lsm__/, (target) => `lsm/${target}`],
  [/^bpf_iter__/, (target) => `iter/${target}`],
];

/** Calls that make a program one of a USDT probe. */
export const usdtReaders: readonly string[] = ["bpf_usdt_readarg", "bpf_usdt_readarg_p"];

/**
 * Helpers that programs of traffic control have and socket filters have not (tc_cls_act_func_proto and
 * sk_filter_func_proto of net/core/filter.c): BCC leaves the type of a program to whoever loads it.
 */
export const trafficHelper =
  /^bpf_(?:skb_(?!load_bytes)\w+|clone_redirect|redirect\w*|l[34]_csum_replace_?|csum_\w+|dins_pkt|store_(?:byte|half|word|dword)|set_hash\w*|get_(?:cgroup_classid|route_realm|hash_recalc)|sk_\w+|tcp_sock|get_listener_sock)$|^incr_cksum_l[34]$|^sk_storage_(?:get|delete)$/;

/** Helpers of programs that sample counters. */
export const samplingHelper = /^bpf_(?:perf_prog_read_value|read_branch_records)$/;

/** What a program does, itself or through what it calls. */
export interface ProgramUses {
  /** It reads arguments of a USDT probe. */
  readonly usdt: boolean;
  /** It changes or redirects packets, or uses sockets. */
  readonly traffic: boolean;
  /** It runs on samples of a counter. */
  readonly sampling: boolean;
}

/** Context type -> section, for programs that are attached by a call. */
const contexts: readonly (readonly [type: RegExp, section: string])[] = [
  [/^struct tracepoint__/, "tracepoint"],
  [/^struct bpf_raw_tracepoint_args \*/, "raw_tp"],
  [/^struct bpf_perf_event_data \*/, "perf_event"],
  [/^struct __sk_buff \*/, "socket"],
  [/^struct xdp_md \*/, "xdp"],
  [/^struct bpf_sock_ops \*/, "sockops"],
  [/^struct sk_msg_md \*/, "sk_msg"],
  [/^struct bpf_sockopt \*/, "cgroup/getsockopt"],
];

/**
 * The section of a program.
 * @param contextType Desugared type of the first parameter, empty where there is none.
 */
export function programSection(
  name: string,
  contextType: string,
  architecture: string,
  uses: ProgramUses,
): ProgramSection {
  for (const [prefix, section] of prefixes) {
    const match = prefix.exec(name);
    if (match !== null)
      return { section: section(name.slice(match[0].length), architecture), isAttached: true };
  }
  const row = contexts.find(([type]) => type.test(contextType));
  const section = row?.[1] ?? (uses.usdt ? "usdt" : uses.sampling ? "perf_event" : "kprobe");
  return { section: section === "socket" && uses.traffic ? "tc" : section, isAttached: false };
}

function kernelFunction(target: string, architecture: string): string {
  return target.replace(anySyscallPrefix, syscallPrefix[architecture] ?? "sys_");
}

/** `vmlinux__FN` is FN; other modules are named before a colon. */
function moduleFunction(target: string): string {
  const split = target.indexOf("__");
  const module = target.slice(0, Math.max(0, split));
  const name = split < 0 ? target : target.slice(split + 2);
  return module === "vmlinux" || module === "" ? name : `${module}:${name}`;
}

/** One macro that defines a program: what stands before the parameters. */
export interface ProgramMacro {
  /** Number of leading arguments that name the target. */
  readonly names: number;
  /** Name of the program, from those arguments. */
  readonly program: (...names: string[]) => string;
  /** `body`: the macro takes the rest as parameters of a BPF_PROG; otherwise the one parameter. */
  readonly parameter: "arguments" | ((...names: string[]) => string);
}

/** Macros of BCC that define programs. */
export const programMacros: Readonly<Record<string, ProgramMacro>> = {
  TRACEPOINT_PROBE: {
    names: 2,
    program: (category, event) => `tracepoint__${category}__${event}`,
    parameter: (category, event) => `struct tracepoint__${category}__${event} *args`,
  },
  RAW_TRACEPOINT_PROBE: {
    names: 1,
    program: (event) => `raw_tracepoint__${event}`,
    parameter: () => "struct bpf_raw_tracepoint_args *ctx",
  },
  BPF_ITER: {
    names: 1,
    program: (target) => `bpf_iter__${target}`,
    parameter: (target) => `struct bpf_iter__${target} *ctx`,
  },
  KFUNC_PROBE: { names: 1, program: (event) => `kfunc__vmlinux__${event}`, parameter: "arguments" },
  KRETFUNC_PROBE: { names: 1, program: (event) => `kretfunc__vmlinux__${event}`, parameter: "arguments" },
  MODULE_KFUNC_PROBE: {
    names: 2,
    program: (module, event) => `kfunc__${module}__${event}`,
    parameter: "arguments",
  },
  MODULE_KRETFUNC_PROBE: {
    names: 2,
    program: (module, event) => `kretfunc__${module}__${event}`,
    parameter: "arguments",
  },
  KMOD_RET: { names: 1, program: (event) => `kmod_ret__${event}`, parameter: "arguments" },
  LSM_PROBE: { names: 1, program: (hook) => `lsm__${hook}`, parameter: "arguments" },
};
