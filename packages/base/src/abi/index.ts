/** Facts of the kernel's user ABI. */
export * from "./errno.ts";
