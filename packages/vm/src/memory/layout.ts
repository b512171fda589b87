/** Numbers of the guest's address layout, shared by the address space, both engines and the helpers. */

/** Bytes per page, as on x86-64. */
export const PAGE_SIZE = 4096;

/**
 * Guest address of linear memory offset 0. The upper word looks like the direct map of an x86-64 kernel; the lower
 * word starts at 1 GiB so that NULL and small offsets from it never fall into the memory.
 */
export const MEMORY_BASE = 0xffff_8880_4000_0000n;

/** Upper word of every guest kernel address, as a signed 32-bit number. */
export const MEMORY_BASE_HIGH = 0xffff_8880 | 0;

/** Lower word of {@link MEMORY_BASE}. */
export const MEMORY_BASE_LOW = 0x4000_0000;

/** Default limit of the linear memory, bytes. */
export const DEFAULT_MAXIMUM_BYTES = 512 * 1024 * 1024;

/** log2 of the bytes that one ownership byte describes. */
export const OWNERSHIP_SHIFT = 3;

/** Address of the first user page boundary that copy_from_kernel_nofault accepts again: TASK_SIZE_MAX + PAGE_SIZE on x86-64. */
export const USER_ADDRESS_END = 0x0000_8000_0000_0000n;
