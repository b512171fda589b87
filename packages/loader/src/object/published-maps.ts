/** Maps that objects of one process offer each other by name, as BPF_TABLE_PUBLIC and BPF_TABLE_SHARED do in BCC. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { MapSpec } from "../spec/map-spec.ts";
import { BpfMap } from "./bpf-map.ts";

/** How the rewriter marks such maps: BCC's `extern`, `export` and `shared`. */
const tags = { extern: "bpfkit:extern", public: "bpfkit:public", shared: "bpfkit:shared" } as const;

interface Publication {
  readonly kernel: Kernel;
  readonly map: BpfMap;
  /** Number that the map has in the whole kernel. */
  readonly id: number;
}

/** By machine, then by BCC's paths: `/NAME` for public maps, `/ns/NAMESPACE/NAME` for shared ones. */
const machines = new WeakMap<object, Map<string, Publication>>();

function publications(kernel: Kernel): Map<string, Publication> {
  const machine = kernel.machine ?? kernel;
  let known = machines.get(machine);
  if (known === undefined) {
    known = new Map();
    machines.set(machine, known);
  }
  return known;
}

/** True where the map is another object's. */
export function isExternMap(spec: MapSpec): boolean {
  return spec.tags.includes(tags.extern);
}

/**
 * Offers a map to objects that are loaded later. The first one of a name stays; it lives as long as the kernel object
 * that made it, or as someone uses it.
 * @param namespace Of shared maps.
 * @returns true where the map is offered, and so must stay open
 */
export function publishMap(kernel: Kernel, map: BpfMap, namespace: string): boolean {
  const { name, spec } = map;
  const path = spec.tags.includes(tags.public)
    ? `/${name}`
    : spec.tags.includes(tags.shared)
      ? `/ns/${namespace}/${name}`
      : undefined;
  if (path === undefined) return false;
  const other = find(kernel, path);
  if (other?.owned) other.map.close();
  if (other !== undefined) return false;
  publications(kernel).set(path, { kernel, map, id: kernel.mapInfo(map.fd).id });
  return true;
}

/** A map that was offered: the namespace's, or the public one. */
export interface FoundMap {
  readonly map: BpfMap;
  /** True where the descriptor is the user's own, to be closed by it. */
  readonly owned: boolean;
}

/** The published map of a name; undefined where there is none. */
export function publishedMap(kernel: Kernel, name: string, namespace: string): FoundMap | undefined {
  return find(kernel, `/ns/${namespace}/${name}`) ?? find(kernel, `/${name}`);
}

function find(kernel: Kernel, path: string): FoundMap | undefined {
  const publication = publications(kernel).get(path);
  if (publication === undefined) return undefined;
  const { map, id } = publication;
  if (publication.kernel === kernel) return { map, owned: false };
  try {
    // Another opening of the same kernel: its descriptors close with it.
    const fd = kernel.objects.openById("map", id);
    const { maxEntries, btf } = map;
    return { map: new BpfMap(kernel, fd, map.spec, { maxEntries, btf, reused: true }), owned: true };
  } catch (error) {
    if (!(error instanceof SyscallError) || error.errno !== Errno.ENOENT) throw error;
    publications(kernel).delete(path);
    return undefined;
  }
}
