/** What a program section's name says: program type, attach type and target (the names are libbpf's section_defs). */
import { AttachType, NewerAttachType, NewerProgramType, ProgramType } from "@bpfkit/base/abi";

/** How the loader attaches a program of a section. */
export type AttachMethod =
  | "kprobe"
  | "kretprobe"
  | "ksyscall"
  | "kretsyscall"
  | "kprobe-multi"
  | "kretprobe-multi"
  | "uprobe"
  | "uretprobe"
  | "uprobe-multi"
  | "uretprobe-multi"
  | "usdt"
  | "tracepoint"
  | "raw-tracepoint"
  | "tracing"
  | "lsm"
  | "iter"
  | "perf-event"
  | "socket-filter"
  | "xdp"
  | "tc"
  | "netkit"
  | "netfilter"
  | "cgroup"
  | "network-namespace"
  | "socket-map"
  | "reuseport"
  | "struct-ops"
  | "none";

/** One row of the table. */
export interface SectionDefinition {
  /** The part before the slash; `+` at the end: a target may or may not follow; `/`: none may. */
  readonly prefix: string;
  readonly target: "optional" | "required" | "none";
  readonly type: number;
  readonly attachType: number;
  readonly method: AttachMethod;
  readonly sleepable?: boolean;
  /** Flags of BPF_PROG_LOAD besides BPF_F_SLEEPABLE. */
  readonly flags?: number;
}

const P = ProgramType;
const A = AttachType;
const N = NewerAttachType;
/** BPF_F_XDP_HAS_FRAGS (Linux 5.18). */
const xdpFragments = 1 << 5;

function row(
  prefix: string,
  target: SectionDefinition["target"],
  type: number,
  attachType: number,
  method: AttachMethod,
): SectionDefinition {
  return { prefix, target, type, attachType, method };
}

function fragments(definition: SectionDefinition): SectionDefinition {
  return { ...definition, flags: xdpFragments };
}

function sleepable(definition: SectionDefinition): SectionDefinition {
  return { ...definition, sleepable: true };
}

/** Every section name form known, as libbpf 1.x documents them (Documentation/bpf/libbpf/program_types.rst). */
export const sectionDefinitions: readonly SectionDefinition[] = [
  row("socket", "none", P.SocketFilter, 0, "socket-filter"),
  row("sk_reuseport/migrate", "none", P.SkReuseport, A.SkReuseportSelectOrMigrate, "reuseport"),
  row("sk_reuseport", "none", P.SkReuseport, A.SkReuseportSelect, "reuseport"),
  row("kprobe", "optional", P.Kprobe, 0, "kprobe"),
  row("kretprobe", "optional", P.Kprobe, 0, "kretprobe"),
  row("ksyscall", "optional", P.Kprobe, 0, "ksyscall"),
  row("kretsyscall", "optional", P.Kprobe, 0, "kretsyscall"),
  row("kprobe.session", "optional", P.Kprobe, N.TraceKprobeSession, "kprobe-multi"),
  row("kprobe.multi", "optional", P.Kprobe, A.TraceKprobeMulti, "kprobe-multi"),
  row("kretprobe.multi", "optional", P.Kprobe, A.TraceKprobeMulti, "kretprobe-multi"),
  row("uprobe", "optional", P.Kprobe, 0, "uprobe"),
  row("uretprobe", "optional", P.Kprobe, 0, "uretprobe"),
  sleepable(row("uprobe.s", "optional", P.Kprobe, 0, "uprobe")),
  sleepable(row("uretprobe.s", "optional", P.Kprobe, 0, "uretprobe")),
  row("uprobe.multi", "optional", P.Kprobe, N.TraceUprobeMulti, "uprobe-multi"),
  row("uretprobe.multi", "optional", P.Kprobe, N.TraceUprobeMulti, "uretprobe-multi"),
  sleepable(row("uprobe.multi.s", "optional", P.Kprobe, N.TraceUprobeMulti, "uprobe-multi")),
  sleepable(row("uretprobe.multi.s", "optional", P.Kprobe, N.TraceUprobeMulti, "uretprobe-multi")),
  row("uprobe.session", "optional", P.Kprobe, N.TraceUprobeSession, "uprobe-multi"),
  sleepable(row("uprobe.session.s", "optional", P.Kprobe, N.TraceUprobeSession, "uprobe-multi")),
  row("usdt", "optional", P.Kprobe, 0, "usdt"),
  sleepable(row("usdt.s", "optional", P.Kprobe, 0, "usdt")),
  row("tracepoint", "optional", P.Tracepoint, 0, "tracepoint"),
  row("tp", "optional", P.Tracepoint, 0, "tracepoint"),
  row("raw_tracepoint", "optional", P.RawTracepoint, 0, "raw-tracepoint"),
  row("raw_tp", "optional", P.RawTracepoint, 0, "raw-tracepoint"),
  row("raw_tracepoint.w", "optional", P.RawTracepointWritable, 0, "raw-tracepoint"),
  row("raw_tp.w", "optional", P.RawTracepointWritable, 0, "raw-tracepoint"),
  row("tp_btf", "optional", P.Tracing, A.TraceRawTp, "tracing"),
  row("fentry", "optional", P.Tracing, A.TraceFentry, "tracing"),
  row("fexit", "optional", P.Tracing, A.TraceFexit, "tracing"),
  row("fmod_ret", "optional", P.Tracing, A.ModifyReturn, "tracing"),
  sleepable(row("fentry.s", "optional", P.Tracing, A.TraceFentry, "tracing")),
  sleepable(row("fexit.s", "optional", P.Tracing, A.TraceFexit, "tracing")),
  sleepable(row("fmod_ret.s", "optional", P.Tracing, A.ModifyReturn, "tracing")),
  row("fsession", "optional", P.Tracing, N.TraceFsession, "tracing"),
  sleepable(row("fsession.s", "optional", P.Tracing, N.TraceFsession, "tracing")),
  row("freplace", "optional", P.Ext, 0, "tracing"),
  row("lsm", "optional", P.Lsm, A.LsmMac, "lsm"),
  sleepable(row("lsm.s", "optional", P.Lsm, A.LsmMac, "lsm")),
  row("struct_ops", "optional", P.StructOps, 0, "struct-ops"),
  sleepable(row("struct_ops.s", "optional", P.StructOps, 0, "struct-ops")),
  row("lsm_cgroup", "optional", P.Lsm, A.LsmCgroup, "cgroup"),
  row("iter", "optional", P.Tracing, A.TraceIter, "iter"),
  sleepable(row("iter.s", "optional", P.Tracing, A.TraceIter, "iter")),
  sleepable(row("syscall", "none", P.Syscall, 0, "none")),
  row("perf_event", "none", P.PerfEvent, 0, "perf-event"),
  fragments(row("xdp.frags/devmap", "none", P.Xdp, A.XdpDevmap, "none")),
  fragments(row("xdp.frags/cpumap", "none", P.Xdp, A.XdpCpumap, "none")),
  row("xdp/devmap", "none", P.Xdp, A.XdpDevmap, "none"),
  row("xdp/cpumap", "none", P.Xdp, A.XdpCpumap, "none"),
  fragments(row("xdp.frags", "none", P.Xdp, A.Xdp, "xdp")),
  row("xdp", "optional", P.Xdp, A.Xdp, "xdp"),
  row("tc/ingress", "none", P.SchedCls, N.TcxIngress, "tc"),
  row("tc/egress", "none", P.SchedCls, N.TcxEgress, "tc"),
  row("tcx/ingress", "none", P.SchedCls, N.TcxIngress, "tc"),
  row("tcx/egress", "none", P.SchedCls, N.TcxEgress, "tc"),
  row("netkit/primary", "none", P.SchedCls, N.NetkitPrimary, "netkit"),
  row("netkit/peer", "none", P.SchedCls, N.NetkitPeer, "netkit"),
  row("netfilter", "none", NewerProgramType.Netfilter, N.Netfilter, "netfilter"),
  row("tc", "optional", P.SchedCls, 0, "tc"),
  row("classifier", "optional", P.SchedCls, 0, "tc"),
  row("action", "optional", P.SchedAct, 0, "tc"),
  row("lwt_in", "none", P.LwtIn, 0, "none"),
  row("lwt_out", "none", P.LwtOut, 0, "none"),
  row("lwt_xmit", "none", P.LwtXmit, 0, "none"),
  row("lwt_seg6local", "none", P.LwtSeg6local, 0, "none"),
  row("sockops", "none", P.SockOps, A.CgroupSockOps, "cgroup"),
  row("sk_skb/stream_parser", "none", P.SkSkb, A.SkSkbStreamParser, "socket-map"),
  row("sk_skb/stream_verdict", "none", P.SkSkb, A.SkSkbStreamVerdict, "socket-map"),
  row("sk_skb/verdict", "none", P.SkSkb, A.SkSkbVerdict, "socket-map"),
  row("sk_skb", "optional", P.SkSkb, 0, "socket-map"),
  row("sk_msg", "none", P.SkMsg, A.SkMsgVerdict, "socket-map"),
  row("lirc_mode2", "none", P.LircMode2, A.LircMode2, "none"),
  row("flow_dissector", "none", P.FlowDissector, A.FlowDissector, "network-namespace"),
  row("sk_lookup", "none", P.SkLookup, A.SkLookup, "network-namespace"),
  row("cgroup_skb/ingress", "none", P.CgroupSkb, A.CgroupInetIngress, "cgroup"),
  row("cgroup_skb/egress", "none", P.CgroupSkb, A.CgroupInetEgress, "cgroup"),
  row("cgroup/skb", "none", P.CgroupSkb, 0, "cgroup"),
  row("cgroup/sock_create", "none", P.CgroupSock, A.CgroupInetSockCreate, "cgroup"),
  row("cgroup/sock_release", "none", P.CgroupSock, A.CgroupInetSockRelease, "cgroup"),
  row("cgroup/sock", "none", P.CgroupSock, A.CgroupInetSockCreate, "cgroup"),
  row("cgroup/post_bind4", "none", P.CgroupSock, A.CgroupInet4PostBind, "cgroup"),
  row("cgroup/post_bind6", "none", P.CgroupSock, A.CgroupInet6PostBind, "cgroup"),
  row("cgroup/bind4", "none", P.CgroupSockAddr, A.CgroupInet4Bind, "cgroup"),
  row("cgroup/bind6", "none", P.CgroupSockAddr, A.CgroupInet6Bind, "cgroup"),
  row("cgroup/connect4", "none", P.CgroupSockAddr, A.CgroupInet4Connect, "cgroup"),
  row("cgroup/connect6", "none", P.CgroupSockAddr, A.CgroupInet6Connect, "cgroup"),
  row("cgroup/connect_unix", "none", P.CgroupSockAddr, N.CgroupUnixConnect, "cgroup"),
  row("cgroup/sendmsg4", "none", P.CgroupSockAddr, A.CgroupUdp4Sendmsg, "cgroup"),
  row("cgroup/sendmsg6", "none", P.CgroupSockAddr, A.CgroupUdp6Sendmsg, "cgroup"),
  row("cgroup/sendmsg_unix", "none", P.CgroupSockAddr, N.CgroupUnixSendmsg, "cgroup"),
  row("cgroup/recvmsg4", "none", P.CgroupSockAddr, A.CgroupUdp4Recvmsg, "cgroup"),
  row("cgroup/recvmsg6", "none", P.CgroupSockAddr, A.CgroupUdp6Recvmsg, "cgroup"),
  row("cgroup/recvmsg_unix", "none", P.CgroupSockAddr, N.CgroupUnixRecvmsg, "cgroup"),
  row("cgroup/getpeername4", "none", P.CgroupSockAddr, A.CgroupInet4Getpeername, "cgroup"),
  row("cgroup/getpeername6", "none", P.CgroupSockAddr, A.CgroupInet6Getpeername, "cgroup"),
  row("cgroup/getpeername_unix", "none", P.CgroupSockAddr, N.CgroupUnixGetpeername, "cgroup"),
  row("cgroup/getsockname4", "none", P.CgroupSockAddr, A.CgroupInet4Getsockname, "cgroup"),
  row("cgroup/getsockname6", "none", P.CgroupSockAddr, A.CgroupInet6Getsockname, "cgroup"),
  row("cgroup/getsockname_unix", "none", P.CgroupSockAddr, N.CgroupUnixGetsockname, "cgroup"),
  row("cgroup/sysctl", "none", P.CgroupSysctl, A.CgroupSysctl, "cgroup"),
  row("cgroup/getsockopt", "none", P.CgroupSockopt, A.CgroupGetsockopt, "cgroup"),
  row("cgroup/setsockopt", "none", P.CgroupSockopt, A.CgroupSetsockopt, "cgroup"),
  row("cgroup/dev", "none", P.CgroupDevice, A.CgroupDevice, "cgroup"),
];

/** What was understood of one section name. */
export interface SectionMeaning {
  readonly definition: SectionDefinition;
  /** The text after the prefix's slash; undefined: none, so nothing attaches by itself. */
  readonly target: string | undefined;
}

/** The meaning of a section name without its leading `?`, or undefined where no row matches. */
export function sectionMeaning(name: string): SectionMeaning | undefined {
  for (const definition of sectionDefinitions) {
    if (name === definition.prefix) {
      return definition.target === "required" ? undefined : { definition, target: undefined };
    }
    if (definition.target === "none" || !name.startsWith(`${definition.prefix}/`)) continue;
    const target = name.slice(definition.prefix.length + 1);
    return { definition, target: target === "" ? undefined : target };
  }
  return undefined;
}
