/** Facts of the kernel's user ABI. */
export * from "./attach-types.gen.ts";
export * from "./commands.gen.ts";
export * from "./errno.ts";
export * from "./flags.gen.ts";
export { gplOnlyHelpers, isGplCompatible } from "./gpl-only.ts";
export * from "./helper.ts";
export * from "./map-types.gen.ts";
export { attachTypeSince, NewerAttachType } from "./newer-attach-types.ts";
export { NewerMapType } from "./newer-map-types.ts";
export { NewerProgramType } from "./newer-program-types.ts";
export * from "./program-types.gen.ts";
export { compareReleases, type SinceSubject, since } from "./since.ts";
export * from "./type-names.ts";
