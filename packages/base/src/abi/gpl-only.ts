/**
 * Helpers that only programs under a GPL-compatible licence may call. The user header does not say; the facts are the
 * `gpl_only` fields of the kernel's bpf_func_proto tables (kernel/bpf, kernel/trace/bpf_trace.c, net/core/filter.c,
 * drivers/media/rc/bpf-lirc.c) as of Linux 6.1. Kernels before 5.8 also restricted ktime_get_ns.
 */

/** Names without bpf_. */
export const gplOnlyHelpers: ReadonlySet<string> = new Set([
  // Tracing: reading and writing memory, printing.
  "probe_read",
  "probe_read_str",
  "probe_read_user",
  "probe_read_user_str",
  "probe_read_kernel",
  "probe_read_kernel_str",
  "probe_write_user",
  "copy_from_user_task",
  "trace_printk",
  "trace_vprintk",
  "snprintf",
  "seq_printf",
  "seq_write",
  "seq_printf_btf",
  // Tracing: events, tasks, stacks.
  "perf_event_read",
  "perf_event_read_value",
  "perf_prog_read_value",
  "perf_event_output",
  "skb_output",
  "xdp_output",
  "read_branch_records",
  "get_branch_snapshot",
  "get_stackid",
  "get_stack",
  "get_current_task",
  "get_current_task_btf",
  "task_pt_regs",
  "get_func_ip",
  "override_return",
  // Timers.
  "timer_init",
  "timer_set_callback",
  "timer_start",
  "timer_cancel",
  // Networking and remote controls.
  "fib_lookup",
  "check_mtu",
  "tcp_check_syncookie",
  "tcp_gen_syncookie",
  "tcp_raw_gen_syncookie_ipv4",
  "tcp_raw_gen_syncookie_ipv6",
  "tcp_raw_check_syncookie_ipv4",
  "tcp_raw_check_syncookie_ipv6",
  "rc_repeat",
  "rc_keydown",
  "rc_pointer_rel",
]);

/** Licence strings that make a program GPL-compatible (kernel include/linux/license.h). */
const gplCompatible: ReadonlySet<string> = new Set([
  "GPL",
  "GPL v2",
  "GPL and additional rights",
  "Dual BSD/GPL",
  "Dual MIT/GPL",
  "Dual MPL/GPL",
]);

/** Whether the kernel takes a program's licence string for GPL-compatible. */
export function isGplCompatible(license: string): boolean {
  return gplCompatible.has(license);
}
