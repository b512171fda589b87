/** struct bpf_link_info -> what a link holds, by its type. */
import { type LinkInfo, type LinkTarget, LinkType } from "@bpfkit/base/kernel";
import { addressOf } from "./ffi.ts";
import { linkInfo } from "./object-structs.ts";

const longestName = 128;
/** BPF_F_KPROBE_MULTI_RETURN, BPF_F_UPROBE_MULTI_RETURN. */
const returns = 1;
const decoder = new TextDecoder();

/** @param ask fills another info, for names that need room of ours */
export function linkInfoOf(info: Uint8Array, ask: (info: Uint8Array) => void): LinkInfo {
  const type = linkInfo.u32(info, "type");
  const read = targets[type];
  return {
    id: linkInfo.u32(info, "id"),
    type,
    programId: linkInfo.u32(info, "programId"),
    target: read === undefined ? { kind: "unknown" } : read(new Union(info), ask),
  };
}

/** The union behind the common fields; offsets in bytes from its start. */
class Union {
  readonly #view: DataView;

  constructor(info: Uint8Array) {
    const start = linkInfo.offsetOf("first");
    this.#view = new DataView(info.buffer, info.byteOffset + start, info.byteLength - start);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }
  u64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }
}

/** The name whose address and room are the first two fields of the union. */
function nameOf(ask: (info: Uint8Array) => void): string {
  const name = new Uint8Array(longestName);
  const info = linkInfo.encode({ first: addressOf(name), second: name.length }, addressOf);
  ask(info);
  const end = name.indexOf(0);
  return decoder.decode(end === -1 ? name : name.subarray(0, end));
}

type ReadTarget = (union: Union, ask: (info: Uint8Array) => void) => LinkTarget;

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
  [LinkType.PerfEvent]: (union) => ({ kind: "perf-event", type: union.u32(0) }),
  [LinkType.KprobeMulti]: (union) => ({
    kind: "kprobe-multi",
    count: union.u32(8),
    returns: (union.u32(12) & returns) !== 0,
  }),
  [LinkType.StructOps]: (union) => ({ kind: "struct-ops", mapId: union.u32(0) }),
  [LinkType.Netfilter]: (union) => ({
    kind: "netfilter",
    family: union.u32(0),
    hook: union.u32(4),
    priority: union.u32(8) | 0,
  }),
  [LinkType.Tcx]: (union) => ({ kind: "interface", ifindex: union.u32(0), attachType: union.u32(4) }),
  [LinkType.Netkit]: (union) => ({ kind: "interface", ifindex: union.u32(0), attachType: union.u32(4) }),
  [LinkType.UprobeMulti]: (union) => ({
    kind: "uprobe-multi",
    count: union.u32(36),
    returns: (union.u32(40) & returns) !== 0,
    pid: union.u32(44),
  }),
};
