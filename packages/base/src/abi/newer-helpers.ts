/** BPF helpers of kernels newer than the header that the generated table is from; there are no more: kfuncs came after them. */
import type { HelperRow } from "./helper.ts";

const map = { type: "struct bpf_map *", name: "map" };
const cgroup = { type: "struct cgroup *", name: "cgroup" };
const value = { type: "void *", name: "value" };
const flags = { type: "u64", name: "flags" };

/** Linux 6.2. */
export const newerHelperRows: readonly HelperRow[] = [
  {
    id: 210,
    name: "cgrp_storage_get",
    prototype: { returns: "void *", params: [map, cgroup, value, flags] },
  },
  { id: 211, name: "cgrp_storage_delete", prototype: { returns: "long", params: [map, cgroup] } },
];
