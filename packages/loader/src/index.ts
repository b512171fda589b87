/** Objects into a kernel: specs, CO-RE, loading, attaching, reading events. */

export type { CoreOutcome } from "./co-re/report.ts";
export { decodeText } from "./codec/aggregate.ts";
export { bytesCodec, codecFor } from "./codec/type-codec.ts";
export type { BtfValue, CodecMember, TypeCodec } from "./codec/value.ts";
export { PerfReader, type PerfReaderOptions } from "./events/perf-reader.ts";
export { copying, type TakeRecord } from "./events/ring-cursor.ts";
export { RingReader } from "./events/ring-reader.ts";
export { RingWriter } from "./events/ring-writer.ts";
export { answerOf } from "./features/attempt.ts";
export { allFeatures, type Feature, hasFeature, supports } from "./features/feature.ts";
export { type FeatureName, featureTable } from "./features/table.ts";
export { hasHelper, hasMapType, hasProgramType } from "./features/types.ts";
export { autoAttach } from "./link/auto-attach.ts";
export { resolveBinary } from "./link/binary-path.ts";
export { attachCgroup, type CgroupOptions } from "./link/cgroup.ts";
export type { ClassifierOrder } from "./link/classifier-order.ts";
export { attachIterator, type IteratorLink, type IteratorOptions } from "./link/iterator.ts";
export { globExpression, type KernelFunction, matchingFunctions } from "./link/kernel-functions.ts";
export { attachKprobe, attachKretprobe, canKprobe, type KprobeOptions } from "./link/kprobe.ts";
export { attachKprobeMulti, type KprobeMultiOptions } from "./link/kprobe-multi.ts";
export type { Link } from "./link/link.ts";
export { attachNetfilter, type NetfilterOptions } from "./link/netfilter.ts";
export { attachNetkit, type NetkitOptions } from "./link/netkit.ts";
export { attachNetworkNamespace } from "./link/network-namespace.ts";
export { openPerfCounters, type PerfCounterOptions } from "./link/perf-counters.ts";
export { attachPerfEvent, cacheEvent, type PerfEventOptions } from "./link/perf-event.ts";
export { attachRawTracepoint, attachTracing } from "./link/raw-tracepoint.ts";
export { attachReuseport, attachSocketFilter, openPacketSocket, type PacketSocket } from "./link/socket.ts";
export { attachSocketMap, type SocketMapOptions } from "./link/socket-map.ts";
export { attachStructOps } from "./link/struct-ops.ts";
export { syscallFunction, syscallPrefix, translateSyscallPrefix } from "./link/syscall-name.ts";
export { attachTracepoint } from "./link/tracepoint.ts";
export { attachTrafficControl, type TrafficControlOptions } from "./link/traffic-control.ts";
export {
  attachUprobe,
  attachUretprobe,
  functionPlace,
  matchingPlaces,
  type UprobeOptions,
} from "./link/uprobe.ts";
export { attachUprobeMulti, type UprobeMultiOptions } from "./link/uprobe-multi.ts";
export { attachUsdt, type UsdtOptions, usdtProbes } from "./link/usdt.ts";
export { attachXdp, type XdpOptions } from "./link/xdp.ts";
export { BpfMap, UpdateFlag } from "./object/bpf-map.ts";
export { Collection, type CollectionLoadOptions } from "./object/collection.ts";
export type { ExtendedProgram } from "./object/extended-program.ts";
export { isPerCpu, joinPerCpu, splitPerCpu } from "./object/per-cpu-values.ts";
export { defaultPinRoot } from "./object/pinned-map.ts";
export { Program } from "./object/program.ts";
export { ProgramLoadError } from "./object/program-load-error.ts";
export { Variable } from "./object/variable.ts";
export { kernelVersionCode } from "./relocate/externs.ts";
export type { CollectionParts, ExternSpec } from "./spec/collection-parts.ts";
export { CollectionSpec } from "./spec/collection-spec.ts";
export { kernelObjectName, type MapOrigin, type MapSpec } from "./spec/map-spec.ts";
export type { CodeFunction, CodeSection, ProgramSpec, Reference } from "./spec/program-spec.ts";
export { type AttachMethod, sectionDefinitions, sectionMeaning } from "./spec/sections.ts";
export type { StructOpsSpec } from "./spec/struct-ops.ts";
export type { VariableSpec } from "./spec/variable-spec.ts";
export { KernelSymbols, type SymbolOptions, unknownSymbol } from "./symbols/kernel-symbols.ts";
export {
  type UserSymbol,
  type UserSymbolOptions,
  UserSymbols,
} from "./symbols/user-symbols.ts";
export { parseArgument, splitArguments, type UsdtArgument } from "./usdt/arguments.ts";
export type { UsdtNote } from "./usdt/notes.ts";
export { type Complaint, complaints } from "./verifier/complaints.ts";
export { type Explanation, explainLog } from "./verifier/explain.ts";
