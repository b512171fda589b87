/** Map types by number: which class makes which map. */
import { NotSupportedError } from "@bpfkit/base/diagnostics";
import type { BpfMap, MapDefinition, MapHost } from "./map.ts";

/** Makes a map. @throws SyscallError EINVAL and the like, as BPF_MAP_CREATE does. */
export function createMap(definition: MapDefinition, _id: number, _host: MapHost): BpfMap {
  throw new NotSupportedError(`map type ${definition.type}`);
}
