/** Helpers on map elements. */
import { type HelperDefinition, mapArgument, mustRead, mustWrite } from "./definition.ts";

/** bpf_map_lookup_elem(map, key). */
export const mapLookupElem: HelperDefinition = {
  name: "map_lookup_elem",
  arguments: ["map", "memory"],
  result: "memory",
  bind: (machine) => (id, key) => {
    const map = mapArgument(machine, id as number);
    mustRead(machine, key as number, map.keySize, 2);
    return map.lookup(key as number);
  },
};

/** bpf_map_update_elem(map, key, value, flags). */
export const mapUpdateElem: HelperDefinition = {
  name: "map_update_elem",
  arguments: ["map", "memory", "memory", "wide"],
  result: "int",
  bind: (machine) => (id, key, value, low, high) => {
    const map = mapArgument(machine, id as number);
    mustRead(machine, key as number, map.keySize, 2);
    mustRead(machine, value as number, map.valueSize, 3);
    // Flags beyond 31 bits are unknown to every map type, as -1 is.
    return map.update(key as number, value as number, high === 0 ? (low as number) : -1);
  },
};

/** bpf_map_delete_elem(map, key). */
export const mapDeleteElem: HelperDefinition = {
  name: "map_delete_elem",
  arguments: ["map", "memory"],
  result: "int",
  bind: (machine) => (id, key) => {
    const map = mapArgument(machine, id as number);
    mustRead(machine, key as number, map.keySize, 2);
    return map.remove(key as number);
  },
};

/** bpf_map_push_elem(map, value, flags). */
export const mapPushElem: HelperDefinition = {
  name: "map_push_elem",
  arguments: ["map", "memory", "wide"],
  result: "int",
  bind: (machine) => (id, value, low, high) => {
    const map = mapArgument(machine, id as number);
    mustRead(machine, value as number, map.valueSize, 2);
    return map.push(value as number, high === 0 ? (low as number) : -1);
  },
};

/** bpf_map_pop_elem(map, value). */
export const mapPopElem: HelperDefinition = {
  name: "map_pop_elem",
  arguments: ["map", "memory"],
  result: "int",
  bind: (machine) => (id, value) => {
    const map = mapArgument(machine, id as number);
    mustWrite(machine, value as number, map.valueSize, 2);
    return map.pop(value as number);
  },
};

/** bpf_map_peek_elem(map, value). */
export const mapPeekElem: HelperDefinition = {
  name: "map_peek_elem",
  arguments: ["map", "memory"],
  result: "int",
  bind: (machine) => (id, value) => {
    const map = mapArgument(machine, id as number);
    mustWrite(machine, value as number, map.valueSize, 2);
    return map.peek(value as number);
  },
};

/** bpf_map_lookup_percpu_elem(map, key, cpu). */
export const mapLookupPercpuElem: HelperDefinition = {
  name: "map_lookup_percpu_elem",
  arguments: ["map", "memory", "int"],
  result: "memory",
  bind: (machine) => (id, key, cpu) => {
    const map = mapArgument(machine, id as number);
    mustRead(machine, key as number, map.keySize, 2);
    return map.lookupPerCpu(key as number, cpu as number);
  },
};
