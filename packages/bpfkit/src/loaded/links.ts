/** Links that are loaded in a kernel, described in bpftool's fields. */
import { attachTypeName, programTypeName } from "@bpfkit/base/abi";
import type { Fd, Kernel, LinkInfo } from "@bpfkit/base/kernel";
import { LinkType } from "@bpfkit/base/kernel";
import type { JsonNode } from "./json-text.ts";
import { openObject, withObject } from "./walk.ts";

/** One link, by the names that `bpftool -j link` gives its facts; which there are depends on the type. */
export interface LoadedLink {
  readonly [name: string]: JsonNode | undefined;
  readonly id: number;
  readonly type: string;
  readonly prog_id: number;
}

/** Names of enum bpf_link_type, as bpftool spells them. */
const typeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(LinkType).map(([name, value]) => [
    value,
    name.replace(/[A-Z]/g, (letter, at: number) => `${at === 0 ? "" : "_"}${letter.toLowerCase()}`),
  ]),
);

/** `tracing`, `perf_event` ...; `type N` for one not known. */
export function linkTypeName(type: number): string {
  return typeNames.get(type) ?? `type ${type}`;
}

/** Describes a link. */
export function describeLoadedLink(kernel: Kernel, fd: Fd): LoadedLink {
  const info = kernel.objects.linkInfo(fd);
  return {
    id: info.id,
    type: linkTypeName(info.type),
    prog_id: info.programId,
    ...targetFields(kernel, info),
  };
}

function targetFields(kernel: Kernel, { target, programId }: LinkInfo): Record<string, JsonNode> {
  switch (target.kind) {
    case "raw-tracepoint":
      return { tp_name: target.name };
    case "tracing":
      return {
        ...programType(kernel, programId),
        attach_type: attachTypeName(target.attachType),
        ...(target.targetObjectId === 0 && target.targetBtfId === 0
          ? {}
          : { target_obj_id: target.targetObjectId, target_btf_id: target.targetBtfId }),
      };
    case "cgroup":
      return { cgroup_id: target.cgroupId, attach_type: attachTypeName(target.attachType) };
    case "iterator":
      return { target_name: target.name, ...(target.mapId === 0 ? {} : { map_id: target.mapId }) };
    case "network-namespace":
      return { netns_ino: target.inode, attach_type: attachTypeName(target.attachType) };
    case "interface":
      return { ifindex: target.ifindex, attach_type: attachTypeName(target.attachType) };
    case "struct-ops":
      return { map_id: target.mapId };
    case "netfilter":
      return { pf: target.family, hook: target.hook, prio: target.priority };
    case "kprobe-multi":
      return { func_cnt: target.count, retprobe: target.returns };
    case "uprobe-multi":
      return { func_cnt: target.count, retprobe: target.returns, pid: target.pid };
    default:
      return {};
  }
}

function programType(kernel: Kernel, programId: number): Record<string, JsonNode> {
  const fd = openObject(kernel, "program", programId);
  if (fd === undefined) return {};
  return withObject(kernel, fd, () => ({ prog_type: programTypeName(kernel.objects.programInfo(fd).type) }));
}
