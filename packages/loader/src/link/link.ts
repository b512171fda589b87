/** An attachment: what keeps a program running on events. */
import type { Fd, Kernel } from "@bpfkit/base/kernel";

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
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    for (const fd of fds) kernel.close(fd);
  };
  return { description, fds, close, [Symbol.dispose]: close };
}

/** Gives an event a program and starts it; the event is closed again where that fails. */
export function startEvent(kernel: Kernel, event: Fd, program: Fd): Fd {
  try {
    kernel.perfEventSetProgram(event, program);
    kernel.perfEventEnable(event);
    return event;
  } catch (error) {
    kernel.close(event);
    throw error;
  }
}
