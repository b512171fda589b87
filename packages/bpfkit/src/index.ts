/** The front door: build C into objects, load them, attach them, read their maps and events. Runs in browsers too. */
export type { CompileOptions, CompileResult, RewrittenSource, SourceText } from "./compile.ts";
export { compile, rewriteSource } from "./compile-on-demand.ts";
export { describeFeatures, type FeatureOptions, type FeatureReport } from "./features/describe.ts";
export { describeObject } from "./inspect/describe.ts";
export type { ObjectDescription, ProgramDescription } from "./inspect/description.ts";
export { listing, programLines } from "./inspect/listing.ts";
export * from "./loaded/index.ts";
export * from "./tracing.ts";
