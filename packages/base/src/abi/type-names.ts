/** Names of map, program and attach types in the kernel's lower-case spelling, as bpftool prints them. */
import { AttachType } from "./attach-types.gen.ts";
import { MapType } from "./map-types.gen.ts";
import { NewerAttachType } from "./newer-attach-types.ts";
import { NewerMapType } from "./newer-map-types.ts";
import { NewerProgramType } from "./newer-program-types.ts";
import { ProgramType } from "./program-types.gen.ts";

/** `PercpuHash` as `percpu_hash`. */
function kernelSpelling(name: string): string {
  return name.replace(/[A-Z]/g, (letter, at: number) => `${at === 0 ? "" : "_"}${letter.toLowerCase()}`);
}

function namesOf(constants: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(constants).map(([name, value]) => [value, kernelSpelling(name)]));
}

const mapTypes = new Map([...namesOf(MapType), ...namesOf(NewerMapType)]);
const programTypes = new Map([...namesOf(ProgramType), ...namesOf(NewerProgramType)]);
const attachTypes = new Map([...namesOf(AttachType), ...namesOf(NewerAttachType)]);

/** `hash`, `percpu_array`, `ringbuf` ...; `map type N` for one not known. */
export function mapTypeName(type: number): string {
  return mapTypes.get(type) ?? `map type ${type}`;
}

/** `kprobe`, `tracepoint`, `socket_filter` ...; `program type N` for one not known. */
export function programTypeName(type: number): string {
  return programTypes.get(type) ?? `program type ${type}`;
}

/** `cgroup_inet_ingress`, `trace_fentry` ...; `attach type N` for one not known. */
export function attachTypeName(type: number): string {
  return attachTypes.get(type) ?? `attach type ${type}`;
}
