/** What a kernel can do, found out by trying, under bpftool's names where it has them. */
import {
  helperById,
  MapType,
  mapTypeName,
  NewerMapType,
  NewerProgramType,
  ProgramType,
  programTypeName,
} from "@bpfkit/base/abi";
import type { Kernel } from "@bpfkit/base/kernel";
import { allFeatures, answerOf, hasFeature, hasHelper, hasMapType, hasProgramType } from "@bpfkit/loader";
import type { JsonNode } from "../loaded/json-text.ts";
import {
  addNotPermitted,
  addParanoia,
  addUnmounted,
  type FileSystems,
  mountedFileSystems,
  type Obstacle,
  Obstacles,
} from "./obstacles.ts";
import {
  type EventSources,
  eventSources,
  type Privileges,
  privileges,
  type SystemConfig,
  systemConfig,
} from "./system.ts";

/** How far to look. */
export interface FeatureOptions {
  /** Tries every helper for every program type: some hundred milliseconds each. */
  readonly helpers?: boolean;
  /** Tries also those that leave a warning in the kernel's log: bpf_trace_printk, bpf_trace_vprintk, bpf_probe_write_user. */
  readonly full?: boolean;
}

/** What was found out; null: this process was not permitted to. */
export type Answer = boolean | null;

/** Everything that was found. */
export interface FeatureReport {
  readonly [name: string]: JsonNode | undefined;
  readonly kernel: string;
  readonly system_config: SystemConfig;
  readonly syscall_config: { readonly have_bpf_syscall: boolean };
  /** `have_kprobe_prog_type` ... */
  readonly program_types: Readonly<Record<string, Answer>>;
  /** `have_hash_map_type` ... */
  readonly map_types: Readonly<Record<string, Answer>>;
  /** `kprobe_available_helpers` ..., each with the prefix `bpf_`. */
  readonly helpers?: Readonly<Record<string, readonly string[]>>;
  readonly misc: Readonly<Record<string, boolean>>;
  /** Rows of the loader's table of features, with the release that brought each. */
  readonly features: Readonly<
    Record<string, { readonly supported: Answer; readonly since: string; readonly description: string }>
  >;
  readonly privileges: Privileges;
  readonly event_sources: EventSources;
  /** Where `tracefs`, `bpf`, `cgroup2` and `securityfs` are mounted. */
  readonly file_systems: FileSystems | undefined;
  /** What is in the way of knowing or using more, with what to do. */
  readonly obstacles: readonly Obstacle[];
}

const loud: ReadonlySet<string> = new Set(["trace_printk", "trace_vprintk", "probe_write_user"]);

/** Kernel types whose helpers cannot be asked for without something to attach to. */
const withoutHelpers: ReadonlySet<number> = new Set([
  ProgramType.Tracing,
  ProgramType.StructOps,
  ProgramType.Ext,
  ProgramType.Lsm,
]);

/** Asks a kernel. Nothing stays loaded. @throws BpfkitError LK0xx where it may not be asked */
export function describeFeatures(kernel: Kernel, options: FeatureOptions = {}): FeatureReport {
  const obstacles = new Obstacles();
  const ask = (probe: () => boolean): Answer => answerOf(probe) ?? null;
  const programTypes = [...Object.values(ProgramType), ...Object.values(NewerProgramType)].filter(
    (type) => type !== ProgramType.Unspec,
  );
  const programs = programTypes.map((type) => ({ type, known: ask(() => hasProgramType(kernel, type)) }));
  const maps = [...Object.values(MapType), ...Object.values(NewerMapType)]
    .filter((type) => type !== MapType.Unspec)
    .map((type) => [mapTypeName(type), ask(() => hasMapType(kernel, type))] as const);
  const features = allFeatures(kernel).map(({ name, feature, supported = null }) => ({
    name,
    row: { supported, since: feature.since, description: feature.description },
  }));
  const config = systemConfig(kernel, obstacles);
  const rights = privileges(kernel);
  const sources = eventSources(kernel, obstacles);
  addParanoia(obstacles, rights.perf_event_paranoid, rights.capabilities);
  const mounted = mountedFileSystems(kernel);
  if (mounted !== undefined) addUnmounted(obstacles, mounted);
  const refused = [
    ...programs.map(({ type, known }) => [programTypeName(type), known] as const),
    ...maps,
    ...features.map(({ name, row }) => [name, row.supported] as const),
  ];
  addNotPermitted(
    obstacles,
    refused.filter(([, answer]) => answer === null).map(([name]) => name),
    rights.capabilities,
  );
  return {
    kernel: kernel.name,
    system_config: config,
    syscall_config: { have_bpf_syscall: true },
    program_types: Object.fromEntries(
      programs.map(({ type, known }) => [`have_${programTypeName(type)}_prog_type`, known]),
    ),
    map_types: Object.fromEntries(maps.map(([name, known]) => [`have_${name}_map_type`, known])),
    ...(options.helpers === true ? { helpers: helpers(kernel, programs, options.full === true) } : {}),
    misc: {
      have_large_insn_limit: hasFeature(kernel, "large-programs"),
      have_bounded_loops: hasFeature(kernel, "bounded-loops"),
      have_v2_isa_extension: hasFeature(kernel, "isa-v2"),
      have_v3_isa_extension: hasFeature(kernel, "isa-v3"),
      have_v4_isa_extension: hasFeature(kernel, "isa-v4"),
    },
    features: Object.fromEntries(features.map(({ name, row }) => [name, row])),
    privileges: rights,
    event_sources: sources,
    file_systems: mounted,
    obstacles: obstacles.all,
  };
}

function helpers(
  kernel: Kernel,
  programs: readonly { readonly type: number; readonly known: Answer }[],
  full: boolean,
): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {};
  for (const { type, known } of programs) {
    const mayCall = (name: string, id: number) =>
      known === true && !withoutHelpers.has(type) && (full || !loud.has(name)) && hasHelper(kernel, type, id);
    found[`${programTypeName(type)}_available_helpers`] = allHelpers()
      .filter(({ name, id }) => mayCall(name, id))
      .map(({ name }) => `bpf_${name}`);
  }
  return found;
}

function allHelpers(): { readonly id: number; readonly name: string }[] {
  const list: { readonly id: number; readonly name: string }[] = [];
  for (let id = 1; ; id++) {
    const helper = helperById(id);
    if (helper === undefined) return list;
    list.push(helper);
  }
}
