/** Program types of kernels newer than the header that {@link ProgramType} is generated from (uapi linux/bpf.h of Linux 6.12). */

/** enum bpf_prog_type from BPF_PROG_TYPE_NETFILTER on, with the release that brought each. */
export const NewerProgramType = {
  /** Linux 6.4 */
  Netfilter: 32,
} as const;
