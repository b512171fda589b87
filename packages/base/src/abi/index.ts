/** Facts of the kernel's user ABI. */
export { AttachType } from "./attach-types.gen.ts";
export * from "./errno.ts";
export { type HelperRow, helperById, helperByName, helpers, isGplCompatible } from "./helpers.ts";
export { MapType } from "./map-types.gen.ts";
export { ProgramType } from "./program-types.gen.ts";
export { mapTypeName, programTypeName } from "./type-names.ts";
