/** Diagnostics, source texts and error classes. */
export * from "./diagnostic.ts";
export * from "./errors.ts";
