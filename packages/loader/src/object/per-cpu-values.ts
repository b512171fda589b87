/** Values of per-CPU maps: one of each possible CPU, each padded to eight bytes. */
import { MapType } from "@bpfkit/base/abi";

const perCpuTypes: ReadonlySet<number> = new Set([
  MapType.PercpuHash,
  MapType.PercpuArray,
  MapType.LruPercpuHash,
  MapType.PercpuCgroupStorage,
]);

/** Whether values of this map type come one for each CPU. */
export function isPerCpu(mapType: number): boolean {
  return perCpuTypes.has(mapType);
}

/** Bytes between the values of two CPUs. */
export function perCpuStride(valueSize: number): number {
  return (valueSize + 7) & ~7;
}

/** Views of each CPU's value, without padding. */
export function splitPerCpu(bytes: Uint8Array, valueSize: number): Uint8Array[] {
  const stride = perCpuStride(valueSize);
  const values: Uint8Array[] = [];
  for (let at = 0; at + valueSize <= bytes.length && stride > 0; at += stride) {
    values.push(bytes.subarray(at, at + valueSize));
  }
  return values;
}

/** The kernel's form of one value for each CPU. */
export function joinPerCpu(values: readonly Uint8Array[], valueSize: number): Uint8Array {
  const stride = perCpuStride(valueSize);
  const bytes = new Uint8Array(stride * values.length);
  values.forEach((value, index) => {
    bytes.set(value.subarray(0, valueSize), index * stride);
  });
  return bytes;
}
