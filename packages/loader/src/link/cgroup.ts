/** Cgroups: a program on what the processes of a cgroup do with sockets, packets, devices and sysctls. */
import { attachTypeName, Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link, undoableLink } from "./link.ts";

/** BPF_F_ALLOW_MULTI: others of the same type stay attached, and run, too. */
const allowMulti = 2;

/** Where and how to attach. */
export interface CgroupOptions {
  /** Folder of a cgroup of version 2, usually below /sys/fs/cgroup. */
  readonly path: string;
  /** enum bpf_attach_type; what the program's section says unless given. */
  readonly attachType?: number;
  /** `program` attaches as before Linux 5.7: it stays attached when this process is killed. */
  readonly how?: "auto" | "program";
}

/** Attaches to a cgroup and all below it. @throws BpfkitError LD088 where that is no cgroup or the kernel refuses */
export function attachCgroup(kernel: Kernel, program: Program, options: CgroupOptions): Link {
  const { path, attachType = program.spec.expectedAttachType, how = "auto" } = options;
  const description = `cgroup:${path}:${attachTypeName(attachType)}`;
  let folder: Fd | undefined;
  let isHeld = false;
  try {
    folder = kernel.links.openTarget(path);
    if (how === "auto" && hasFeature(kernel, "cgroup-link")) {
      const details = { kind: "plain" } as const;
      const link = kernel.links.linkCreate({
        program: program.fd,
        target: folder,
        attachType,
        flags: 0,
        details,
      });
      return descriptorLink(kernel, description, [link]);
    }
    kernel.links.programAttach(program.fd, folder, attachType, allowMulti);
    const held = folder;
    isHeld = true;
    return undoableLink(description, [held], () => {
      kernel.links.programDetach(program.fd, held, attachType);
      kernel.close(held);
    });
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const isNone = error.errno === Errno.EBADF || error.errno === Errno.ENOENT;
    throw new BpfkitError(
      "LD088",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      {
        cause: error,
        ...(isNone
          ? {
              hint: "Give the folder of a cgroup of version 2; mount -t cgroup2 none /sys/fs/cgroup makes them visible.",
            }
          : {}),
      },
    );
  } finally {
    if (folder !== undefined && !isHeld) kernel.close(folder);
  }
}
