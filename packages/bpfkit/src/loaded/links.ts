/** Links that are loaded in a kernel, described in bpftool's fields. */
import { AttachType, attachTypeName, programTypeName } from "@bpfkit/base/abi";
import type { Fd, Kernel, LinkInfo, PerfLinkEvent } from "@bpfkit/base/kernel";
import { LinkType } from "@bpfkit/base/kernel";
import { KernelSymbols } from "@bpfkit/loader";
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

/** Names of functions of kernels, read when the first is wanted. */
const symbols = new WeakMap<Kernel, KernelSymbols>();

function symbolsOf(kernel: Kernel): KernelSymbols {
  let known = symbols.get(kernel);
  if (known === undefined) {
    known = new KernelSymbols(kernel);
    symbols.set(kernel, known);
  }
  return known;
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
      return {
        devname:
          target.ifindex === 0 ? "(detached)" : (kernel.network.interfaceName(target.ifindex) ?? "(unknown)"),
        ifindex: target.ifindex,
        // Of XDP there is only one.
        ...(target.attachType === AttachType.Xdp ? {} : { attach_type: attachTypeName(target.attachType) }),
      };
    case "struct-ops":
      return { map_id: target.mapId };
    case "netfilter":
      return { pf: target.family, hook: target.hook, prio: target.priority, flags: target.flags };
    case "kprobe-multi":
      return {
        retprobe: target.returns,
        func_cnt: target.count,
        missed: target.missed,
        funcs: [...target.places]
          .sort((a, b) => (a.address < b.address ? -1 : 1))
          .map((place) => kernelFunction(kernel, place)),
      };
    case "uprobe-multi":
      return {
        retprobe: target.returns,
        path: target.path,
        func_cnt: target.count,
        pid: target.pid,
        funcs: target.places.map(({ offset, referenceCounter, cookie }) => ({
          offset,
          ref_ctr_offset: referenceCounter,
          cookie,
        })),
      };
    case "perf-event":
      return target.event === undefined ? {} : eventFields(target.event);
    default:
      return {};
  }
}

function kernelFunction(
  kernel: Kernel,
  { address, cookie }: { readonly address: bigint; readonly cookie: bigint },
): JsonNode {
  const found = /^(.*) \[(.*)\]$/.exec(symbolsOf(kernel).name(address, { showModule: true }));
  const [, func = null, module = null] = found ?? [];
  return { addr: address, func, module: module === "kernel" ? null : module, cookie };
}

function eventFields(event: PerfLinkEvent): Record<string, JsonNode> {
  const { cookie } = event;
  switch (event.kind) {
    case "kprobe": {
      const { returns: retprobe, address: addr, offset, missed } = event;
      return { retprobe, addr, func: event.function, offset, missed, cookie };
    }
    case "uprobe":
      return { retprobe: event.returns, file: event.path, offset: event.offset, cookie };
    case "tracepoint":
      return { tracepoint: event.name, cookie };
    case "counter":
      return { event_type: event.type, event_config: event.config, cookie };
  }
}

function programType(kernel: Kernel, programId: number): Record<string, JsonNode> {
  const fd = openObject(kernel, "program", programId);
  if (fd === undefined) return {};
  return withObject(kernel, fd, () => ({ prog_type: programTypeName(kernel.objects.programInfo(fd).type) }));
}
