/** struct bpf_link_info -> what a link holds, by its type. */
import { type LinkInfo, type LinkTarget, LinkType, type PerfLinkEvent } from "@bpfkit/base/kernel";
import { addressOf } from "./ffi.ts";
import { linkInfo } from "./object-structs.ts";

const longestName = 512;
/** PATH_MAX. */
const longestPath = 4096;
/** BPF_F_KPROBE_MULTI_RETURN, BPF_F_UPROBE_MULTI_RETURN. */
const returns = 1;
const decoder = new TextDecoder();

/** @param ask fills another info, for names that need room of ours */
export function linkInfoOf(info: Uint8Array, ask: Ask): LinkInfo {
  const type = linkInfo.u32(info, "type");
  const read = targets[type];
  return {
    id: linkInfo.u32(info, "id"),
    type,
    programId: linkInfo.u32(info, "programId"),
    target: read === undefined ? { kind: "unknown" } : read(new Union(info), ask),
  };
}

/** Fills an info again: one that holds addresses and sizes of room for names and lists. */
type Ask = (info: Uint8Array) => void;

/** The union behind the common fields; offsets in bytes from its start. */
class Union {
  readonly #info: Uint8Array;
  readonly #view: DataView;

  constructor(info: Uint8Array) {
    this.#info = info;
    const start = linkInfo.offsetOf("first");
    this.#view = new DataView(info.buffer, info.byteOffset + start, info.byteLength - start);
  }

  /** An empty one, to ask with. */
  static empty(): Union {
    return new Union(new Uint8Array(linkInfo.sizeBytes));
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }
  u64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }
  setU32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }
  /** The address of memory, which must stay referenced until {@link ask} is over. */
  setPointer(offset: number, memory: Uint8Array | BigUint64Array): void {
    this.#view.setBigUint64(offset, BigInt(addressOf(new Uint8Array(memory.buffer))), true);
  }
  ask(ask: Ask): void {
    ask(this.#info);
  }
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end === -1 ? bytes : bytes.subarray(0, end));
}

/** The name whose address and room stand at an offset, 12 bytes in all. */
function nameAt(offset: number, ask: Ask): string {
  const name = new Uint8Array(longestName);
  const union = Union.empty();
  union.setPointer(offset, name);
  union.setU32(offset + 8, name.length);
  union.ask(ask);
  return textOf(name);
}

const nameOf = (ask: Ask): string => nameAt(0, ask);

/** kprobe_multi: addresses, count, flags, missed, cookies. */
function kprobeMulti(union: Union, ask: Ask): LinkTarget {
  const count = union.u32(8);
  const [addresses, cookies] = [new BigUint64Array(count), new BigUint64Array(count)];
  if (count > 0) {
    const again = Union.empty();
    again.setPointer(0, addresses);
    again.setU32(8, count);
    again.setPointer(24, cookies);
    again.ask(ask);
  }
  return {
    kind: "kprobe-multi",
    count,
    returns: (union.u32(12) & returns) !== 0,
    missed: union.u64(16),
    places: [...addresses].map((address, index) => ({ address, cookie: cookies[index] ?? 0n })),
  };
}

/** uprobe_multi: path, offsets, reference counters, cookies, size of the path, count, flags, pid. */
function uprobeMulti(union: Union, ask: Ask): LinkTarget {
  const count = union.u32(36);
  const lists = [0, 1, 2].map(() => new BigUint64Array(count));
  const path = new Uint8Array(longestPath);
  if (count > 0) {
    const again = Union.empty();
    again.setPointer(0, path);
    for (const [index, list] of lists.entries()) again.setPointer(8 * (index + 1), list);
    again.setU32(32, path.length);
    again.setU32(36, count);
    again.ask(ask);
  }
  const [offsets, counters, cookies] = lists;
  return {
    kind: "uprobe-multi",
    count,
    returns: (union.u32(40) & returns) !== 0,
    pid: union.u32(44),
    path: textOf(path),
    places: [...(offsets ?? [])].map((offset, index) => ({
      offset,
      referenceCounter: counters?.[index] ?? 0n,
      cookie: cookies?.[index] ?? 0n,
    })),
  };
}

/** enum bpf_perf_event_type. */
const PerfEventType = { Uprobe: 1, Uretprobe: 2, Kprobe: 3, Kretprobe: 4, Tracepoint: 5, Event: 6 } as const;

/** perf_event: the type, and behind it what belongs to that. */
function perfEvent(union: Union, ask: Ask): PerfLinkEvent | undefined {
  const type = union.u32(0);
  switch (type) {
    case PerfEventType.Uprobe:
    case PerfEventType.Uretprobe: {
      const atReturn = type === PerfEventType.Uretprobe;
      const path = nameAt(8, ask);
      return { kind: "uprobe", returns: atReturn, path, offset: union.u32(20), cookie: union.u64(24) };
    }
    case PerfEventType.Kprobe:
    case PerfEventType.Kretprobe:
      return {
        kind: "kprobe",
        returns: type === PerfEventType.Kretprobe,
        function: nameAt(8, ask),
        offset: union.u32(20),
        address: union.u64(24),
        missed: union.u64(32),
        cookie: union.u64(40),
      };
    case PerfEventType.Tracepoint:
      return { kind: "tracepoint", name: nameAt(8, ask), cookie: union.u64(24) };
    case PerfEventType.Event:
      return { kind: "counter", config: union.u64(8), type: union.u32(16), cookie: union.u64(24) };
    default:
      return undefined;
  }
}

type ReadTarget = (union: Union, ask: Ask) => LinkTarget;

const targets: Readonly<Record<number, ReadTarget>> = {
  [LinkType.RawTracepoint]: (_, ask) => ({ kind: "raw-tracepoint", name: nameOf(ask) }),
  [LinkType.Tracing]: (union) => ({
    kind: "tracing",
    attachType: union.u32(0),
    targetObjectId: union.u32(4),
    targetBtfId: union.u32(8),
  }),
  [LinkType.Cgroup]: (union) => ({ kind: "cgroup", cgroupId: union.u64(0), attachType: union.u32(8) }),
  [LinkType.Iter]: (union, ask) => ({ kind: "iterator", name: nameOf(ask), mapId: union.u32(12) }),
  [LinkType.Netns]: (union) => ({
    kind: "network-namespace",
    inode: union.u32(0),
    attachType: union.u32(4),
  }),
  // BPF_XDP: an XDP link does not say its attach type, there is only one for interfaces.
  [LinkType.Xdp]: (union) => ({ kind: "interface", ifindex: union.u32(0), attachType: 37 }),
  [LinkType.PerfEvent]: (union, ask) => ({ kind: "perf-event", event: perfEvent(union, ask) }),
  [LinkType.KprobeMulti]: kprobeMulti,
  [LinkType.StructOps]: (union) => ({ kind: "struct-ops", mapId: union.u32(0) }),
  [LinkType.Netfilter]: (union) => ({
    kind: "netfilter",
    family: union.u32(0),
    hook: union.u32(4),
    priority: union.u32(8) | 0,
    flags: union.u32(12),
  }),
  [LinkType.Tcx]: (union) => ({ kind: "interface", ifindex: union.u32(0), attachType: union.u32(4) }),
  [LinkType.Netkit]: (union) => ({ kind: "interface", ifindex: union.u32(0), attachType: union.u32(4) }),
  [LinkType.UprobeMulti]: uprobeMulti,
};
