/** BPF_LINK_CREATE, BPF_PROG_ATTACH and iterators: everything of bpf(2) that attaches (uapi linux/bpf.h). */
import type { Fd } from "./kernel.ts";

/** What BPF_LINK_CREATE takes besides the program and its target, by kind of attachment. */
export type LinkDetails =
  /** The target is a perf event (Linux 5.15). `cookie` is what bpf_get_attach_cookie gives. */
  | { readonly kind: "perf-event"; readonly cookie: bigint }
  /** fentry, fexit, fmod_ret, LSM and tp_btf programs (Linux 5.20 and with a cookie). */
  | { readonly kind: "tracing"; readonly cookie: bigint }
  /** `info` is a union bpf_iter_link_info, for iterators over one map or one task. */
  | { readonly kind: "iterator"; readonly info: Uint8Array | undefined }
  /** Many kernel functions at once (Linux 5.18); give symbols or addresses. */
  | {
      readonly kind: "kprobe-multi";
      readonly symbols: readonly string[];
      readonly addresses: readonly bigint[];
      readonly returns: boolean;
      readonly cookies: readonly bigint[];
    }
  /** Many places of one file at once (Linux 6.6). Offsets in bytes from the beginning of the file. */
  | {
      readonly kind: "uprobe-multi";
      readonly path: string;
      readonly offsets: readonly number[];
      readonly referenceCounters: readonly number[];
      readonly cookies: readonly bigint[];
      readonly returns: boolean;
      /** 0: every process. */
      readonly pid: number;
    }
  /**
   * Classifiers in an order (Linux 6.6). `relative` is the descriptor of the program or link that the flags
   * BPF_F_BEFORE and BPF_F_AFTER speak of; 0: of all that are there.
   */
  | { readonly kind: "ordered"; readonly relative: number }
  /** A hook of netfilter (Linux 6.4): NFPROTO_*, enum nf_inet_hooks, the priority, BPF_F_NETFILTER_*. */
  | {
      readonly kind: "netfilter";
      readonly family: number;
      readonly hook: number;
      readonly priority: number;
      readonly netfilterFlags: number;
    }
  /** XDP, cgroups, network namespaces, sockmaps, struct_ops. */
  | { readonly kind: "plain" };

/** Flags of BPF_LINK_CREATE for classifiers (uapi linux/bpf.h; Linux 6.6). */
export const OrderFlag = { Before: 1 << 3, After: 1 << 4, Link: 1 << 13 } as const;

/** BPF_LINK_CREATE. */
export interface LinkCreateAttributes {
  /** The program; of struct_ops, the map. */
  readonly program: Fd;
  /** A descriptor of a cgroup, perf event or network namespace, or an interface's index; 0: none. */
  readonly target: number;
  /** enum bpf_attach_type. */
  readonly attachType: number;
  readonly flags: number;
  readonly details: LinkDetails;
}

/** The facet of links. The descriptor of a link keeps the program attached. */
export interface BpfLinks {
  /** @throws SyscallError EINVAL on kernels that do not know the kind of link, EBUSY, EPERM, EOPNOTSUPP */
  linkCreate(attributes: LinkCreateAttributes): Fd;
  /** BPF_LINK_UPDATE: another program in place of the one that is attached. */
  linkUpdate(link: Fd, program: Fd): void;
  /** BPF_LINK_DETACH: detaches although descriptors are open; Linux 5.9. */
  linkDetach(link: Fd): void;
  /** BPF_PROG_ATTACH, which outlives this process. @throws SyscallError EINVAL, EPERM */
  programAttach(program: Fd, target: number, attachType: number, flags: number): void;
  /** BPF_PROG_DETACH. */
  programDetach(program: Fd, target: number, attachType: number): void;
  /** BPF_ITER_CREATE: a file to read, which runs the program over all that there is. */
  iteratorCreate(link: Fd): Fd;
  /** The next bytes that an iterator's program wrote; empty at the end. */
  readIterator(iterator: Fd): Uint8Array;
  /** Opens a cgroup's folder, a network namespace's file or anything else to attach to. @throws SyscallError ENOENT */
  openTarget(path: string): Fd;
}
