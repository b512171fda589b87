/** The verifier's names of register types in words. */

const words: Readonly<Record<string, string>> = {
  scalar: "a number",
  inv: "a number",
  fp: "stack memory",
  ctx: "the context",
  pkt: "packet bytes",
  pkt_meta: "packet metadata",
  pkt_end: "the packet's end",
  map_ptr: "a map",
  map_key: "a map key",
  map_value: "a map value",
  map_value_or_null: "a map value or NULL",
  mem: "memory of known size",
  ringbuf_mem: "a ring buffer record",
  alloc_mem: "a ring buffer record",
  buf: "a buffer",
  func: "a function",
  trusted_ptr_: "a pointer to a kernel object",
  ptr_: "a pointer to a kernel object",
  sock: "a socket",
  percpu_ptr_: "per-CPU data",
};

/** `fp, pkt, map_value` as `stack memory, packet bytes or a map value`. */
export function typesInWords(list: string): string {
  const spelled = list
    .split(/,\s*/)
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .map((name) => words[name] ?? name);
  const distinct = [...new Set(spelled)];
  const last = distinct.pop() ?? list;
  return distinct.length === 0 ? last : `${distinct.join(", ")} or ${last}`;
}
