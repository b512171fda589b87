/** Attach types of kernels newer than the header that {@link AttachType} is generated from (uapi linux/bpf.h of Linux 7.0). */

/** enum bpf_attach_type from BPF_STRUCT_OPS on; {@link attachTypeSince} has the release of each. */
export const NewerAttachType = {
  StructOps: 44,
  Netfilter: 45,
  TcxIngress: 46,
  TcxEgress: 47,
  TraceUprobeMulti: 48,
  CgroupUnixConnect: 49,
  CgroupUnixSendmsg: 50,
  CgroupUnixRecvmsg: 51,
  CgroupUnixGetpeername: 52,
  CgroupUnixGetsockname: 53,
  NetkitPrimary: 54,
  NetkitPeer: 55,
  TraceKprobeSession: 56,
  TraceUprobeSession: 57,
  TraceFsession: 58,
} as const;

const releases: Readonly<Record<keyof typeof NewerAttachType, string>> = {
  StructOps: "6.3",
  Netfilter: "6.4",
  TcxIngress: "6.6",
  TcxEgress: "6.6",
  TraceUprobeMulti: "6.6",
  CgroupUnixConnect: "6.7",
  CgroupUnixSendmsg: "6.7",
  CgroupUnixRecvmsg: "6.7",
  CgroupUnixGetpeername: "6.7",
  CgroupUnixGetsockname: "6.7",
  NetkitPrimary: "6.7",
  NetkitPeer: "6.7",
  TraceKprobeSession: "6.10",
  TraceUprobeSession: "6.13",
  TraceFsession: "7.0",
};

/** The release that brought an attach type of {@link NewerAttachType}; undefined for others. */
export function attachTypeSince(type: number): string | undefined {
  const found = Object.entries(NewerAttachType).find(([, number]) => number === type);
  return found === undefined ? undefined : releases[found[0] as keyof typeof NewerAttachType];
}
