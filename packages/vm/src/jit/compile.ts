/** The JIT: a checked and resolved program image becomes a WebAssembly module, compiled synchronously. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { HelperDefinition, HelperTable } from "../helpers/definition.ts";
import { calledHelpers } from "../program/called-helpers.ts";
import { ControlBlock } from "../program/control-block.ts";
import type { Executable } from "../program/executable.ts";
import { FRAME_BYTES, type ProgramImage } from "../program/image.ts";
import type { Machine } from "../program/machine.ts";
import type { MemoryGuard } from "../program/memory-guard.ts";
import { ByteSink } from "./byte-sink.ts";
import { compileFunction } from "./compile-function.ts";
import { Import, type ModuleContext } from "./function-code.ts";
import { BPF_FUNCTION_TYPE, encodeModule } from "./wasm-module.ts";
import { Op } from "./wasm-op.ts";

/** Size of a WebAssembly page. */
const WASM_PAGE = 65536;

/** Parameters of the imports that every module has, in the order of {@link Import}. */
const fixedImportParameters = [4, 4, 1, 2] as const;

/** Helpers in order of first use, as imports. */
interface HelperImports {
  readonly ids: readonly number[];
  readonly parameters: readonly number[];
}

/**
 * Compiles a program.
 * @throws BpfkitError VM030 where the host's WebAssembly refuses the module (functions of more than a few megabytes)
 */
export function compileJit(
  image: ProgramImage,
  machine: Machine,
  guard: MemoryGuard,
  helpers: HelperTable,
): Executable {
  const imports = helperImports(image, helpers);
  const bytes = translate(image, machine, imports, helpers);
  const functions: WebAssembly.ModuleImports = {
    [Import.Readable]: (low: number, high: number, size: number, slot: number) =>
      guard.readable(low, high, size, slot),
    [Import.Writable]: (low: number, high: number, size: number, slot: number) =>
      guard.writable(low, high, size, slot),
    [Import.OutOfFuel]: (slot: number) => machine.outOfFuel(slot),
    [Import.NoHelper]: (id: number, slot: number) => machine.noHelper(id, slot),
  };
  imports.ids.forEach((id, i) => {
    functions[Import.FirstHelper + i] = (helpers.get(id) as HelperDefinition).bind(machine);
  });
  const instance = instantiate(image, bytes, { m: { m: machine.memory.memory }, f: functions });
  const enter = instance.exports["enter"] as (fn: number, base: number) => void;
  return { enter: (fn, frame) => enter(fn, frame - FRAME_BYTES) };
}

function instantiate(
  image: ProgramImage,
  bytes: Uint8Array,
  imports: WebAssembly.Imports,
): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), imports);
  } catch (cause) {
    throw new BpfkitError("VM030", `program ${image.name}: the host cannot compile its WebAssembly module`, {
      cause,
      hint: "Run it in the interpreter.",
    });
  }
}

function helperImports(image: ProgramImage, helpers: HelperTable): HelperImports {
  const ids = calledHelpers(image, helpers);
  const parameters = ids.map((id) =>
    (helpers.get(id) as HelperDefinition).arguments.reduce(
      (words, kind) => words + (kind === "wide" ? 2 : 1),
      0,
    ),
  );
  return { ids, parameters };
}

/** The module's bytes. */
function translate(
  image: ProgramImage,
  machine: Machine,
  imports: HelperImports,
  helpers: HelperTable,
): Uint8Array {
  const importParameters = [...fixedImportParameters, ...imports.parameters];
  const context: ModuleContext = {
    image,
    control: machine.control,
    maximumBytes: machine.memory.maximumBytes,
    firstFunction: importParameters.length,
    helperImports: new Map(imports.ids.map((id, i) => [id, Import.FirstHelper + i])),
  };
  const sink = new ByteSink(image.slotCount * 24 + 256);
  const bodies = image.functions.map((range) => {
    sink.clear();
    compileFunction(sink, context, range, helpers);
    return sink.view().slice();
  });
  return encodeModule({
    importParameters,
    memoryPages: {
      initial: machine.memory.initialBytes / WASM_PAGE,
      maximum: machine.memory.maximumBytes / WASM_PAGE,
    },
    bodies,
    enter: enterBody(machine.control),
  });
}

/** enter(fn, base): loads r1 to r5 from the control block, calls the function, stores r0. */
function enterBody(control: number): Uint8Array {
  const sink = new ByteSink(128);
  const constant = (value: number): void => {
    sink.byte(Op.I32Const);
    sink.s32(value);
  };
  const access = (opcode: number, offset: number): void => {
    sink.byte2(opcode, 0);
    sink.u32(control + offset);
  };
  sink.u32(0);
  constant(0);
  for (let i = 0; i < 5; i++) {
    constant(0);
    access(Op.I64Load, ControlBlock.Arguments + i * 8);
  }
  sink.byte2(Op.LocalGet, 1);
  sink.byte2(Op.LocalGet, 0);
  sink.byte(Op.CallIndirect);
  sink.byte2(BPF_FUNCTION_TYPE, 0);
  access(Op.I64Store, ControlBlock.Result);
  sink.byte(Op.End);
  return sink.view().slice();
}
