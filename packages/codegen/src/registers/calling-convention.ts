/** Which registers the allocator tries, and in what order. */
import type { Register } from "../machine/register.ts";

/**
 * All of r0 to r9. Those that calls destroy come first, so that r6 to r9 are left for what lives across calls; r0
 * is last of all, as the next call's result wants it.
 */
export const allocationOrder: readonly Register[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0];
