/** The Kernel port on real Linux. Node only. */
export { LinuxKernel } from "./linux-kernel.ts";
