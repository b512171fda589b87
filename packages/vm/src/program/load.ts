/** BPF_PROG_LOAD: decode, check, resolve, and hand to an engine. */
import { Errno, isGplCompatible, ProgramType } from "@bpfkit/base/abi";
import { PseudoCall, slotSizeBytes } from "@bpfkit/elf/isa";
import { standardHelpers } from "../helpers/table.ts";
import { Interpreter } from "../interpreter/run.ts";
import { compileJit } from "../jit/compile.ts";
import { ProgramArrayMap } from "../maps/descriptor-array.ts";
import { checkEncoding } from "./check-encoding.ts";
import { checkFlow } from "./check-flow.ts";
import { checkRegisters } from "./check-registers.ts";
import { ProgramImage } from "./image.ts";
import type { Machine } from "./machine.ts";
import { MemoryGuard } from "./memory-guard.ts";
import type { ProgramDefinition } from "./program.ts";
import { Rejecter } from "./rejection.ts";
import { resolve } from "./resolve.ts";
import { RunnableProgram } from "./runnable-program.ts";

/** BPF_COMPLEXITY_LIMIT_INSNS: slots of one program at most. */
const SLOT_LIMIT = 1_000_000;

/** Program types whose arguments are typed kernel pointers. */
const typedPointerTypes: ReadonlySet<number> = new Set<number>([
  ProgramType.Tracing,
  ProgramType.Lsm,
  ProgramType.Ext,
  ProgramType.StructOps,
]);

/** bpf_get_current_task_btf. */
const CURRENT_TASK_BTF = 158;

/** Loads one program. @throws as Machine.loadProgram */
export function loadProgram(machine: Machine, id: number, definition: ProgramDefinition): RunnableProgram {
  const bytes = definition.instructions;
  const image = new ProgramImage(definition.name, definition.type, bytes);
  const reject = new Rejecter(image, definition.sourceLine);
  if (bytes.length === 0 || bytes.length % slotSizeBytes !== 0) {
    reject.program("the program is not a whole number of instructions");
  }
  if (image.slotCount > SLOT_LIMIT) reject.program("the program is too large", Errno.E2BIG);
  const helpers = definition.helpers ?? standardHelpers;
  const rules = definition.rules ?? "kernel";
  checkEncoding(image, reject, rules);
  checkFlow(image, reject, rules);
  const maps = resolve(
    image,
    {
      memory: machine.memory,
      mapByFd: definition.mapByFd,
      helpers,
      gplCompatible: isGplCompatible(definition.license),
    },
    reject,
  );
  if (rules === "kernel") checkRegisters(image, helpers, reject);
  for (const map of maps) {
    const admitted = !(map instanceof ProgramArrayMap) || map.admits(image.type);
    if (!admitted) reject.program(`program array ${map.name} is for programs of another type`);
  }
  const kernelLoads = typedPointerTypes.has(image.type) || callsHelper(image, CURRENT_TASK_BTF);
  const guard = new MemoryGuard(machine, { kernelLoads });
  const executable =
    definition.engine === "jit"
      ? compileJit(image, machine, guard, helpers)
      : new Interpreter(image, machine, guard, helpers);
  return new RunnableProgram(definition, {
    id,
    machine,
    image,
    maps,
    executable,
    helperName: (slot) => helpers.get(image.imm[slot] as number)?.name ?? "helper",
  });
}

function callsHelper(image: ProgramImage, id: number): boolean {
  for (let slot = 0; slot < image.slotCount; slot = image.nextSlot(slot)) {
    if (image.isCall(slot) && image.src[slot] === PseudoCall.Helper && image.imm[slot] === id) return true;
  }
  return false;
}
