/** The front door: build C into objects, load them, attach them, read their maps and events. Runs in browsers too. */
export {
  BpfkitError,
  type Diagnostic,
  formatDiagnostic,
  InternalError,
  NotSupportedError,
  SyscallError,
  UsageError,
} from "@bpfkit/base/diagnostics";
export type { Kernel, KernelProfile } from "@bpfkit/base/kernel";
export type { BtfValue, Link, Program, TypeCodec } from "@bpfkit/loader";
export { Attacher, type AttachOptions, type OfProgram } from "./attacher.ts";
export { BPF, type BpfOptions, type PollResult } from "./bpf.ts";
export type { CompileOptions, CompileResult, RewrittenSource, SourceText } from "./compile.ts";
export { compile, rewriteSource } from "./compile-on-demand.ts";
export { describeFeatures, type FeatureOptions, type FeatureReport } from "./features/describe.ts";
export { type GenericProgram, genericTool } from "./generic/generic-tool.ts";
export { describeObject } from "./inspect/describe.ts";
export type { ObjectDescription, ProgramDescription } from "./inspect/description.ts";
export { listing, programLines } from "./inspect/listing.ts";
export * from "./loaded/index.ts";
export { jsonHistogramLine } from "./output/json-histogram.ts";
export { linearHistogramLines } from "./output/linear-histogram.ts";
export { log2HistogramLines, log2SlotRange } from "./output/log2-histogram.ts";
export { fieldsText, type JsonValue, jsonValue, valueText } from "./output/value-text.ts";
export { type HistogramOptions, type PerfBufferOptions, Table, type WriteLine } from "./table.ts";
export type { Tool, ToolHost, ToolProgram } from "./tool.ts";
export { parseTraceLine, type TraceFields } from "./trace-line.ts";
export { USDT, type UsdtContextOptions, type UsdtProbe } from "./usdt.ts";
