/** Map types of kernels newer than the header that {@link MapType} is generated from (uapi linux/bpf.h of Linux 6.12). */

/** enum bpf_map_type from BPF_MAP_TYPE_CGRP_STORAGE on, with the release that brought each. */
export const NewerMapType = {
  /** Linux 6.2 */
  CgrpStorage: 32,
  /** Linux 6.9 */
  Arena: 33,
} as const;
