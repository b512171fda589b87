/** Attach types of kernels newer than the header that {@link AttachType} is generated from (uapi linux/bpf.h of Linux 7.0). */

/** enum bpf_attach_type from BPF_STRUCT_OPS on, with the release that brought each. */
export const NewerAttachType = {
  /** Linux 6.3 */
  StructOps: 44,
  /** Linux 6.4 */
  Netfilter: 45,
  /** Linux 6.6 */
  TcxIngress: 46,
  /** Linux 6.6 */
  TcxEgress: 47,
  /** Linux 6.6 */
  TraceUprobeMulti: 48,
  /** Linux 6.7 */
  CgroupUnixConnect: 49,
  /** Linux 6.7 */
  CgroupUnixSendmsg: 50,
  /** Linux 6.7 */
  CgroupUnixRecvmsg: 51,
  /** Linux 6.7 */
  CgroupUnixGetpeername: 52,
  /** Linux 6.7 */
  CgroupUnixGetsockname: 53,
  /** Linux 6.7 */
  NetkitPrimary: 54,
  /** Linux 6.7 */
  NetkitPeer: 55,
  /** Linux 6.10 */
  TraceKprobeSession: 56,
  /** Linux 6.13 */
  TraceUprobeSession: 57,
  /** Linux 7.0 */
  TraceFsession: 58,
} as const;
