/** Calls and exits: BPF to WebAssembly. */
import type { ArgumentKind, HelperDefinition, HelperTable } from "../helpers/definition.ts";
import { MEMORY_BASE_HIGH, MEMORY_BASE_LOW } from "../memory/layout.ts";
import { calleeSlot } from "../program/check-flow.ts";
import { ControlBlock, FRAME_STRIDE } from "../program/control-block.ts";
import { FUNCTION_HANDLE_HIGH, FUNCTION_HANDLE_LOW, MAP_HANDLE_HIGH } from "../program/handles.ts";
import { FRAME_BYTES } from "../program/image.ts";
import { emitBurn } from "./alu.ts";
import { type FunctionCode, Import, Local } from "./function-code.ts";
import { EMPTY_BLOCK, Op } from "./wasm-op.ts";

/** Emits a call of another function of the program. */
export function emitLocalCall(code: FunctionCode, slot: number): void {
  emitBurn(code, slot, Import.OutOfFuel);
  saveFuel(code);
  for (let register = 1; register <= 5; register++) code.getRegister(register);
  code.get(Local.Base);
  code.i32(FRAME_STRIDE);
  code.op(Op.I32Add);
  code.op(Op.Call);
  const callee = code.image.functionAt.get(calleeSlot(code.image, slot) as number) as number;
  code.sink.u32(code.module.firstFunction + callee);
  code.setRegister(0);
  loadFuel(code);
}

/** Emits a helper call. */
export function emitHelperCall(code: FunctionCode, slot: number, helpers: HelperTable): void {
  emitCallOf(code, slot, code.image.imm[slot] as number, helpers);
}

/** Emits a call of the helper whose number is in a register: every helper, each behind a comparison. */
export function emitRegisterCall(code: FunctionCode, slot: number, helpers: HelperTable): void {
  const register = code.image.dst[slot] as number;
  // The comparisons look at what the register was before a call changed it.
  code.getRegister32(register);
  code.set(Local.Next);
  code.sink.byte2(Op.Block, EMPTY_BLOCK);
  for (const id of helpers.keys()) {
    code.get(Local.Next);
    code.i32(id);
    code.op(Op.I32Eq);
    code.sink.byte2(Op.If, EMPTY_BLOCK);
    emitCallOf(code, slot, id, helpers);
    code.op(Op.Br);
    code.sink.u32(1);
    code.op(Op.End);
  }
  code.get(Local.Next);
  code.i32(slot);
  code.op(Op.Call);
  code.sink.u32(Import.NoHelper);
  code.op(Op.Drop);
  code.op(Op.Unreachable);
  code.op(Op.End);
}

function emitCallOf(code: FunctionCode, slot: number, id: number, helpers: HelperTable): void {
  const helper = helpers.get(id) as HelperDefinition;
  const reenters = helper.result === "tail" || helper.arguments.includes("callback");
  storeControl(code, ControlBlock.Slot, () => code.i32(slot));
  storeControl(code, ControlBlock.Frame, () => {
    code.get(Local.Base);
    code.i32(FRAME_BYTES);
    code.op(Op.I32Add);
  });
  if (reenters) saveFuel(code);
  for (let i = 0; i < helper.arguments.length; i++) {
    emitArgument(code, helper.arguments[i] as ArgumentKind, i + 1);
  }
  code.op(Op.Call);
  code.sink.u32(code.module.helperImports.get(id) as number);
  emitResult(code, helper);
  if (reenters) loadFuel(code);
}

/** Emits the function's end: r0 is returned. */
export function emitExit(code: FunctionCode): void {
  saveFuel(code);
  code.getRegister(0);
  code.op(Op.Return);
}

/** Writes the fuel that is left where callees and callers look for it. */
export function saveFuel(code: FunctionCode): void {
  storeControl(code, ControlBlock.Fuel, () => code.get(Local.Fuel));
}

/** Reads it back. */
export function loadFuel(code: FunctionCode): void {
  code.i32(0);
  code.memory(Op.I32Load, code.module.control + ControlBlock.Fuel);
  code.set(Local.Fuel);
}

function storeControl(code: FunctionCode, field: number, value: () => void): void {
  code.i32(0);
  value();
  code.memory(Op.I32Store, code.module.control + field);
}

function emitArgument(code: FunctionCode, kind: ArgumentKind, register: number): void {
  switch (kind) {
    case "int":
      code.getRegister32(register);
      return;
    case "wide":
      code.getRegister32(register);
      pushHigh(code, register);
      return;
    case "memory":
      emitOffset(code, register);
      return;
    case "map":
      // The low word where the high word says that this is a map, else 0.
      code.getRegister32(register);
      code.i32(0);
      pushHigh(code, register);
      code.i32(MAP_HANDLE_HIGH);
      code.op(Op.I32Eq);
      code.op(Op.Select);
      return;
    case "callback":
      code.getRegister32(register);
      code.i32(FUNCTION_HANDLE_LOW);
      code.op(Op.I32Sub);
      code.i32(-1);
      pushHigh(code, register);
      code.i32(FUNCTION_HANDLE_HIGH);
      code.op(Op.I32Eq);
      code.op(Op.Select);
  }
}

function pushHigh(code: FunctionCode, register: number): void {
  code.getRegister(register);
  code.i64(32);
  code.op(Op.I64ShrU);
  code.op(Op.I32WrapI64);
}

/** Pushes the offset in linear memory of the address in a register; 0 for addresses outside. */
function emitOffset(code: FunctionCode, register: number): void {
  const known = code.frameOffset(register, 0, 0);
  if (known !== undefined) {
    code.get(Local.Base);
    code.i32(FRAME_BYTES + known);
    code.op(Op.I32Add);
    return;
  }
  code.getRegister(register);
  code.i64MinusBase(0);
  code.op(Op.I64Add);
  code.tee(Local.Wide);
  code.op(Op.I32WrapI64);
  code.i32(0);
  code.get(Local.Wide);
  code.i64Words(code.module.maximumBytes, 0);
  code.op(Op.I64LtU);
  code.op(Op.Select);
}

function emitResult(code: FunctionCode, helper: HelperDefinition): void {
  switch (helper.result) {
    case "int":
      code.op(Op.I64ExtendI32S);
      break;
    case "memory":
      code.set(Local.Offset);
      code.get(Local.Offset);
      code.op(Op.I64ExtendI32U);
      code.i64Words(MEMORY_BASE_LOW, MEMORY_BASE_HIGH);
      code.op(Op.I64Add);
      code.i64(0);
      code.get(Local.Offset);
      code.op(Op.Select);
      break;
    case "wide":
      code.op(Op.Drop);
      pushWideResult(code);
      break;
    case "tail":
      code.tee(Local.Offset);
      code.i32(1);
      code.op(Op.I32Eq);
      code.sink.byte2(Op.If, EMPTY_BLOCK);
      // The target ran in this function's place: its r0 is the result, its fuel is already written.
      pushWideResult(code);
      code.op(Op.Return);
      code.op(Op.End);
      code.get(Local.Offset);
      code.op(Op.I64ExtendI32S);
  }
  code.setRegister(0);
}

function pushWideResult(code: FunctionCode): void {
  code.i32(0);
  code.memory(Op.I64Load, code.module.control + ControlBlock.Result);
}
