/** One BPF function to the body of one WebAssembly function. */
import { Class, PseudoCall } from "@bpfkit/elf/isa";
import type { HelperTable } from "../helpers/definition.ts";
import { FRAME_BYTES, type FunctionRange, MAX_LOOPS } from "../program/image.ts";
import { emitAlu, emitWideLoad } from "./alu.ts";
import type { ByteSink } from "./byte-sink.ts";
import { emitHelperCall, emitLocalCall, emitRegisterCall, loadFuel } from "./call.ts";
import { buildFlowGraph, type FlowGraph } from "./flow-graph.ts";
import { FunctionCode, Local, type ModuleContext } from "./function-code.ts";
import { emitMemory } from "./memory.ts";
import { emitFlow } from "./structure.ts";
import { BULK_PREFIX, MEMORY_FILL, Op, ValueType } from "./wasm-op.ts";

/** Up to this many bytes are zeroed by stores, more by memory.fill. */
const INLINE_ZERO_BYTES = 64;

/** Writes the body (locals, code, end) of a function to `sink`. */
export function compileFunction(
  sink: ByteSink,
  module: ModuleContext,
  range: FunctionRange,
  helpers: HelperTable,
): void {
  emitLocals(sink);
  const code = new FunctionCode(sink, module);
  zeroFrame(code, range.zeroBytes);
  loadFuel(code);
  setLoops(code, range);
  const graph = buildFlowGraph(module.image, range);
  emitFlow(code, graph, (block) => emitBody(code, graph, block, helpers));
  code.op(Op.End);
}

/** r0, r6 to r9, Wide: i64; Offset, Fuel, Next: i32; Wide2: i64; Loops: i32. */
function emitLocals(sink: ByteSink): void {
  const runs = [
    [Local.Offset - Local.R0, ValueType.I64],
    [Local.Wide2 - Local.Offset, ValueType.I32],
    [1, ValueType.I64],
    [1, ValueType.I32],
  ] as const;
  sink.u32(runs.length);
  for (const [count, type] of runs) {
    sink.u32(count);
    sink.byte(type);
  }
}

/** Each call of a function with `may_goto` starts with the full count. */
function setLoops(code: FunctionCode, range: FunctionRange): void {
  for (let slot = range.start; slot < range.end; slot = code.image.nextSlot(slot)) {
    if (!code.image.isMayGoto(slot)) continue;
    code.i32(MAX_LOOPS);
    code.set(Local.Loops);
    return;
  }
}

/** Zeroes the part of the frame that the function uses, so that stale data never decides anything. */
function zeroFrame(code: FunctionCode, bytes: number): void {
  if (bytes === 0) return;
  const from = FRAME_BYTES - bytes;
  if (bytes <= INLINE_ZERO_BYTES) {
    for (let at = from; at < FRAME_BYTES; at += 8) {
      code.get(Local.Base);
      code.i64(0);
      code.memory(Op.I64Store, at);
    }
    return;
  }
  code.get(Local.Base);
  code.i32(from);
  code.op(Op.I32Add);
  code.i32(0);
  code.i32(bytes);
  code.sink.byte2(BULK_PREFIX, MEMORY_FILL);
  code.sink.byte(0);
}

/** All instructions of a block but the jump or exit at its end. */
function emitBody(code: FunctionCode, graph: FlowGraph, block: number, helpers: HelperTable): void {
  const { image } = code;
  code.forgetFrameOffsets();
  const end = graph.end[block] as number;
  for (let slot = graph.start[block] as number; slot < end; slot = image.nextSlot(slot)) {
    switch ((image.opcode[slot] as number) & 7) {
      case Class.Alu:
      case Class.Alu64:
        emitAlu(code, slot);
        break;
      case Class.Ld:
        emitWideLoad(code, slot);
        break;
      case Class.Jmp:
      case Class.Jmp32:
        if (image.isRegisterCall(slot)) emitRegisterCall(code, slot, helpers);
        if (!image.isCall(slot)) break;
        if (image.src[slot] === PseudoCall.Local) emitLocalCall(code, slot);
        else emitHelperCall(code, slot, helpers);
        break;
      default:
        emitMemory(code, slot);
    }
  }
}
