/** Byte cursors and conversions. */
export * from "./hexdump.ts";
export * from "./int64.ts";
export * from "./reader.ts";
export * from "./writer.ts";
