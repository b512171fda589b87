/** An attachment: what keeps a program running on events. */
/// <reference lib="esnext.disposable" preserve="true" />
import { AttachType } from "@bpfkit/base/abi";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";

/** Closing a link detaches the program. */
export interface Link {
  /** For messages: `kprobe:blk_mq_start_request`. */
  readonly description: string;
  /** The descriptors that hold the attachment. */
  readonly fds: readonly Fd[];
  /** Detaches; a second call does nothing. */
  close(): void;
  [Symbol.dispose](): void;
}

/** A link that lasts as long as its descriptors. */
export function descriptorLink(kernel: Kernel, description: string, fds: readonly Fd[]): Link {
  return undoableLink(description, fds, () => {
    for (const fd of fds) kernel.close(fd);
  });
}

/** A link that is undone by a call, because it does not hang on descriptors of this process alone. */
export function undoableLink(description: string, fds: readonly Fd[], undo: () => void): Link {
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    undo();
  };
  return { description, fds, close, [Symbol.dispose]: close };
}

/** Several links that are closed together, newest first. */
export function jointLink(description: string, links: readonly Link[]): Link {
  const fds = links.flatMap((link) => link.fds);
  return undoableLink(description, fds, () => {
    for (const link of [...links].reverse()) link.close();
  });
}

/**
 * Gives an event a program and starts it; the event is closed again where that fails.
 * @param cookie what bpf_get_attach_cookie gives to the program; needs Linux 5.15 where it is not 0
 * @returns the descriptors to keep: a link, where the kernel has links of perf events, and the event
 */
export function startEvent(kernel: Kernel, event: Fd, program: Fd, cookie = 0n): readonly Fd[] {
  let link: Fd | undefined;
  try {
    if (hasFeature(kernel, "perf-link")) {
      const details = { kind: "perf-event", cookie } as const;
      const attachType = AttachType.PerfEvent;
      link = kernel.links.linkCreate({ program, target: event, attachType, flags: 0, details });
    } else {
      kernel.perfEventSetProgram(event, program);
    }
    kernel.perfEventEnable(event);
    return link === undefined ? [event] : [link, event];
  } catch (error) {
    if (link !== undefined) kernel.close(link);
    kernel.close(event);
    throw error;
  }
}
