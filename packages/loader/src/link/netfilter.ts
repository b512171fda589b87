/** Netfilter (Linux 6.4): a program that accepts or drops what passes a hook of the network stack. */
import { Errno, NewerAttachType } from "@bpfkit/base/abi";
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link } from "./link.ts";

/** NFPROTO_* (uapi linux/netfilter.h). */
const families = { ipv4: 2, ipv6: 10 } as const;
/** enum nf_inet_hooks. */
const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
/** BPF_F_NETFILTER_IP_DEFRAG. */
const defragment = 1;

/** Where to attach. */
export interface NetfilterOptions {
  readonly family: keyof typeof families;
  readonly hook: keyof typeof hooks;
  /** Lower ones run first; neither the lowest nor the highest 32-bit number. Taken by one program only. 0 unless given. */
  readonly priority?: number;
  /** Fragments are put together before the program sees them: needs a module nf_defrag_ipv4 or nf_defrag_ipv6. */
  readonly defragments?: boolean;
}

/** Attaches a program of `SEC("netfilter")`. @throws BpfkitError LD095; NotSupportedError on older kernels */
export function attachNetfilter(kernel: Kernel, program: Program, options: NetfilterOptions): Link {
  const { family, hook, priority = 0, defragments = false } = options;
  const description = `netfilter:${family}:${hook}:${priority}`;
  if (!hasFeature(kernel, "netfilter-link")) {
    throw new NotSupportedError(`netfilter programs by ${kernel.name}`, {
      since: "6.4",
      hint: "Kernels built without CONFIG_NETFILTER_BPF_LINK have none either.",
    });
  }
  try {
    const link = kernel.links.linkCreate({
      program: program.fd,
      target: 0,
      attachType: NewerAttachType.Netfilter,
      flags: 0,
      details: {
        kind: "netfilter",
        family: families[family],
        hook: hooks[hook],
        priority,
        netfilterFlags: defragments ? defragment : 0,
      },
    });
    return descriptorLink(kernel, description, [link]);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD095",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      { cause: error, ...hintFor(error.errno) },
    );
  }
}

function hintFor(errno: number): { readonly hint?: string } {
  if (errno === Errno.EBUSY)
    return { hint: "Another program has this priority at this hook: give another one." };
  if (errno === Errno.ENOENT || errno === Errno.EOPNOTSUPP) {
    return { hint: "Putting fragments together needs a module: modprobe nf_defrag_ipv4 or nf_defrag_ipv6." };
  }
  return {};
}
