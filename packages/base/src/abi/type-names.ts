/** Names of map and program types as bpftool and the kernel print them. */
import { MapType } from "./map-types.gen.ts";
import { ProgramType } from "./program-types.gen.ts";

function snakeCase(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, "_$&").toLowerCase();
}

const mapNames = new Map<number, string>(
  Object.entries(MapType).map(([name, value]) => [value, snakeCase(name)]),
);
const programNames = new Map<number, string>(
  Object.entries(ProgramType).map(([name, value]) => [value, snakeCase(name)]),
);

/** `hash`, `percpu_array`, `ringbuf`; `type N` for a number that is none. */
export function mapTypeName(type: number): string {
  return mapNames.get(type) ?? `type ${type}`;
}

/** `kprobe`, `tracepoint`, `sched_cls`; `unspec` for 0, `type N` for a number that is none. */
export function programTypeName(type: number): string {
  return programNames.get(type) ?? `type ${type}`;
}
