/** Bytes, diagnostics, kernel ABI facts and the Kernel port: what every other package stands on. */
export * from "./abi/index.ts";
export * from "./bytes/index.ts";
export * from "./diagnostics/index.ts";
export * from "./kernel/index.ts";
