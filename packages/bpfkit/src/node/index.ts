/**
 * The Node corner: files, the build cache, clang from disk, the bundled kernel profile, kernels by name: simulated or this
 * machine's. What starts compilers and kernels is loaded when they are started.
 */
export { Builder, type BuilderOptions, type BuiltProgram, checkedCpu, checkedLevel } from "./builder.ts";
export { openLinuxKernel } from "./linux.ts";
export { type KernelOptions, type OpenOptions, openBpf, openKernel } from "./open.ts";
export { loadBundledProfile, loadProfileFromBtf, readProfile } from "./profile.ts";
export { type CachedBuild, type CacheKey, defaultCacheFolder, ResultCache } from "./result-cache.ts";
export { collectUserHeaders } from "./user-headers.ts";
