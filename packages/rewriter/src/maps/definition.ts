/** A map declaration as the structure in section `.maps` that libbpf and bpfkit load. */
import type { MapDeclaration } from "./declaration.ts";

/** What only the parsed program tells about a map. */
export interface MapFacts {
  /** True where the key's type is exactly `int`: it makes a histogram an array. */
  readonly keyIsInt: boolean;
  /** C type of the records that the program puts into a perf or ring buffer. */
  readonly event?: string;
}

/** Name of the enumerator of enum bpf_map_type. */
export function kernelMapType(map: MapDeclaration, facts: MapFacts): string {
  const kernel = map.type === "histogram" && facts.keyIsInt ? "ARRAY" : map.row.kernel;
  return `BPF_MAP_TYPE_${kernel}`;
}

/** The definition in one line, without the final semicolon. Tags tell front ends what events and values are. */
export function mapDefinition(map: MapDeclaration, facts: MapFacts): string {
  const type = kernelMapType(map, facts);
  const members = [
    facts.event === undefined ? `__uint(type, ${type});` : `__event_map(${type}, ${facts.event});`,
    ...keyAndValue(map),
    ...(map.maxEntries === "0" ? [] : [`__uint(max_entries, ${map.maxEntries});`]),
    ...(map.flags === "0" ? [] : [`__uint(map_flags, ${map.flags});`]),
    ...(map.innerMap === undefined ? [] : [`__array(values, typeof(${map.innerMap}));`]),
  ];
  const notes = [
    ...(facts.event === undefined ? [] : [`bpfkit:event:${facts.event}`]),
    ...(map.type === "histogram" ? ["bpfkit:histogram"] : []),
    ...(map.type === "extern" ? ["bpfkit:extern"] : []),
    ...(map.pin === undefined ? [] : [`bpfkit:pin:${map.pin}`]),
    ...(map.published === undefined ? [] : [`bpfkit:${map.published}`]),
  ];
  const tags = notes.map((note) => ` __attribute__((btf_decl_tag("${note}")))`).join("");
  return `struct { ${members.join(" ")} } ${map.name} SEC(".maps")${tags}`;
}

function keyAndValue(map: MapDeclaration): readonly string[] {
  switch (map.row.layout) {
    case "types":
      return [`__type(key, ${map.key});`, `__type(value, ${map.value});`];
    case "sizes":
      return [`__uint(key_size, sizeof(${map.key}));`, `__uint(value_size, sizeof(${map.value}));`];
    case "value":
      return [`__type(value, ${map.value});`];
    case "none":
      return [];
  }
}
