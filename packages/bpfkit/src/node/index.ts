/**
 * The Node corner: files, the build cache, clang from disk, the bundled kernel profile, the simulated kernel by name, this
 * machine's kernel.
 */
export { Builder, type BuilderOptions, type BuiltProgram, checkedCpu, checkedLevel } from "./builder.ts";
export { openLinuxKernel } from "./linux.ts";
export { type KernelOptions, type OpenOptions, openBpf, openKernel } from "./open.ts";
export { loadBundledProfile, loadProfileFromBtf, readProfile } from "./profile.ts";
export { type CachedBuild, type CacheKey, defaultCacheFolder, ResultCache } from "./result-cache.ts";
export { type SimulationOptions, scenarioNamed, scenarioNames, simulatedKernel } from "./simulated.ts";
export { collectUserHeaders } from "./user-headers.ts";
