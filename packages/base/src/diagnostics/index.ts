/** Diagnostics, source texts and error classes. */
export * from "./diagnostic.ts";
export * from "./errors.ts";
export * from "./format.ts";
export * from "./source.ts";
