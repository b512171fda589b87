/** What tracing tools are written with: load, attach, read tables and events, print. Part of the front door that loads quickly. */
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
export { type GenericProgram, genericTool } from "./generic/generic-tool.ts";
export { jsonHistogramLine } from "./output/json-histogram.ts";
export { linearHistogramLines } from "./output/linear-histogram.ts";
export { log2HistogramLines, log2SlotRange } from "./output/log2-histogram.ts";
export { fieldsText, type JsonValue, jsonValue, valueText } from "./output/value-text.ts";
export { type Event, type HistogramOptions, type PerfBufferOptions, Table, type WriteLine } from "./table.ts";
export type { Tool, ToolHost, ToolProgram } from "./tool.ts";
export { parseTraceLine, type TraceFields } from "./trace-line.ts";
export { USDT, type UsdtContextOptions, type UsdtProbe } from "./usdt.ts";
