/** Attaching through bpf(2): links, BPF_PROG_ATTACH, iterators. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { Command, Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { BpfLinks, Fd, LinkCreateAttributes, LinkDetails } from "@bpfkit/base/kernel";
import { bpf } from "./bpf.ts";
import type { Descriptors } from "./descriptors.ts";
import { addressOf } from "./ffi.ts";
import {
  iteratorLinkAttr,
  kprobeMultiLinkAttr,
  linkAttr,
  linkUpdateAttr,
  netfilterLinkAttr,
  orderedLinkAttr,
  perfLinkAttr,
  plainLinkAttr,
  programAttachAttr,
  tracingLinkAttr,
  uprobeMultiLinkAttr,
} from "./link-structs.ts";
import { notPermitted } from "./privileges.ts";

/** BPF_F_KPROBE_MULTI_RETURN, BPF_F_UPROBE_MULTI_RETURN. */
const onReturn = 1;
const iteratorChunk = 1 << 16;
const encoder = new TextEncoder();

/** 64-bit words in memory; undefined for none, which is a null pointer. */
function words(values: readonly (number | bigint)[]): Uint8Array | undefined {
  if (values.length === 0) return undefined;
  return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
}

interface Head {
  readonly programFd: number;
  readonly target: number;
  readonly attachType: number;
  readonly flags: number;
}

/** The attributes, and what they point at: it must stay referenced until the call is over. */
function linkAttributes(head: Head, details: LinkDetails): { bytes: Uint8Array; keep: readonly unknown[] } {
  switch (details.kind) {
    case "plain":
      return { bytes: plainLinkAttr.encode(head, addressOf), keep: [] };
    case "ordered":
      return { bytes: orderedLinkAttr.encode({ ...head, relative: details.relative }, addressOf), keep: [] };
    case "netfilter": {
      const { family, hook, priority, netfilterFlags } = details;
      const values = { ...head, family, hook, priority: priority >>> 0, netfilterFlags };
      return { bytes: netfilterLinkAttr.encode(values, addressOf), keep: [] };
    }
    case "perf-event":
      return { bytes: perfLinkAttr.encode({ ...head, cookie: details.cookie }, addressOf), keep: [] };
    case "tracing":
      return { bytes: tracingLinkAttr.encode({ ...head, cookie: details.cookie }, addressOf), keep: [] };
    case "iterator": {
      const { info } = details;
      const bytes = iteratorLinkAttr.encode({ ...head, info, infoLength: info?.length }, addressOf);
      return { bytes, keep: [info] };
    }
    case "kprobe-multi": {
      const texts = details.symbols.map((symbol) => encoder.encode(`${symbol}\0`));
      const symbols = words(texts.map(addressOf));
      const addresses = words(details.addresses);
      const count = Math.max(texts.length, details.addresses.length);
      const cookies = words(details.cookies);
      const bytes = kprobeMultiLinkAttr.encode(
        { ...head, multiFlags: details.returns ? onReturn : 0, count, symbols, addresses, cookies },
        addressOf,
      );
      return { bytes, keep: [texts, symbols, addresses, cookies] };
    }
    case "uprobe-multi": {
      const path = encoder.encode(`${details.path}\0`);
      const offsets = words(details.offsets);
      const referenceCounters = words(details.referenceCounters);
      const cookies = words(details.cookies);
      const bytes = uprobeMultiLinkAttr.encode(
        {
          ...head,
          path,
          offsets,
          referenceCounters,
          cookies,
          count: details.offsets.length,
          multiFlags: details.returns ? onReturn : 0,
          pid: details.pid,
        },
        addressOf,
      );
      return { bytes, keep: [path, offsets, referenceCounters, cookies] };
    }
  }
}

/** The facet of links. */
export class LinuxLinks implements BpfLinks {
  readonly #descriptors: Descriptors;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  linkCreate(attributes: LinkCreateAttributes): Fd {
    const { program, target, attachType, flags, details } = attributes;
    const { bytes, keep } = linkAttributes({ programFd: program, target, attachType, flags }, details);
    const result = bpf(Command.LinkCreate, bytes);
    held(keep);
    if (result === -Errno.EPERM) {
      throw notPermitted(`attaching a ${details.kind} link`, new SyscallError("BPF_LINK_CREATE", -result));
    }
    return this.#descriptors.add(result, "BPF_LINK_CREATE");
  }

  linkUpdate(link: Fd, program: Fd): void {
    const bytes = linkUpdateAttr.encode({ linkFd: link, newProgramFd: program }, addressOf);
    check("BPF_LINK_UPDATE", bpf(Command.LinkUpdate, bytes));
  }

  linkDetach(link: Fd): void {
    check("BPF_LINK_DETACH", bpf(Command.LinkDetach, linkAttr.encode({ linkFd: link }, addressOf)));
  }

  programAttach(program: Fd, target: number, attachType: number, flags: number): void {
    const values = { targetFd: target, programFd: program, attachType, attachFlags: flags };
    check("BPF_PROG_ATTACH", bpf(Command.ProgAttach, programAttachAttr.encode(values, addressOf)));
  }

  programDetach(program: Fd, target: number, attachType: number): void {
    const values = { targetFd: target, programFd: program, attachType };
    check("BPF_PROG_DETACH", bpf(Command.ProgDetach, programAttachAttr.encode(values, addressOf)));
  }

  iteratorCreate(link: Fd): Fd {
    const bytes = linkAttr.encode({ linkFd: link }, addressOf);
    return this.#descriptors.add(bpf(Command.IterCreate, bytes), "BPF_ITER_CREATE");
  }

  readIterator(iterator: Fd): Uint8Array {
    const chunk = new Uint8Array(iteratorChunk);
    for (;;) {
      try {
        return chunk.subarray(0, readSync(iterator, chunk));
      } catch (cause) {
        const errno = errnoOf(cause);
        // The kernel walks a bounded part of a big table in one call, and says so (kernel/bpf/bpf_iter.c).
        if (errno === Errno.EAGAIN || errno === Errno.EINTR) continue;
        throw new SyscallError("read", errno, { cause });
      }
    }
  }

  openTarget(path: string): Fd {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY);
    } catch (cause) {
      throw new SyscallError("open", errnoOf(cause), { detail: path, cause });
    }
    try {
      return this.#descriptors.add(fd, "open");
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}

/** Positive errno of a failure of node:fs. */
function errnoOf(error: unknown): number {
  return error instanceof Error && "errno" in error ? -Number(error.errno) : Errno.EIO;
}

function check(command: string, result: number): void {
  if (result < 0) throw new SyscallError(command, -result);
}

/** Keeps what a call's attributes point at from being collected before the call. */
function held(_values: readonly unknown[]): void {}
