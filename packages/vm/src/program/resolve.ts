/** Replaces what 64-bit immediates stand for (maps, map values, functions) and checks the helpers that are called. */
import { helperById } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { Class, JumpOp, PseudoCall, PseudoLoad } from "@bpfkit/elf/isa";
import type { HelperTable } from "../helpers/definition.ts";
import type { BpfMap } from "../maps/map.ts";
import type { AddressSpace } from "../memory/address-space.ts";
import { calleeSlot } from "./check-flow.ts";
import { reachableSlots } from "./dead-code.ts";
import { FUNCTION_HANDLE_HIGH, FUNCTION_HANDLE_LOW, MAP_HANDLE_HIGH } from "./handles.ts";
import type { ProgramImage } from "./image.ts";
import type { Rejecter } from "./rejection.ts";

/** What resolution needs from the outside. */
export interface ResolveContext {
  readonly memory: AddressSpace;
  readonly mapByFd: (fd: number) => BpfMap | undefined;
  readonly helpers: HelperTable;
  readonly gplCompatible: boolean;
}

/** Patches `image` in place and returns the maps it uses, in order of first mention. */
export function resolve(image: ProgramImage, context: ResolveContext, reject: Rejecter): BpfMap[] {
  const maps = new Set<BpfMap>();
  for (let slot = 0; slot < image.slotCount; slot = image.nextSlot(slot)) {
    if (image.isCall(slot)) checkCall(image, slot, context, reject);
    else if (image.isWideLoad(slot) && image.src[slot] !== PseudoLoad.Immediate) {
      const map = resolveLoad(image, slot, context, reject);
      if (map !== undefined) maps.add(map);
    }
  }
  return [...maps];
}

function setImmediate(image: ProgramImage, slot: number, low: number, high: number): void {
  image.imm[slot] = low;
  image.imm[slot + 1] = high;
  image.src[slot] = PseudoLoad.Immediate;
}

function resolveLoad(
  image: ProgramImage,
  slot: number,
  context: ResolveContext,
  reject: Rejecter,
): BpfMap | undefined {
  switch (image.src[slot]) {
    case PseudoLoad.MapFd: {
      if (image.imm[slot + 1] !== 0) reject.at(slot, "unrecognized bpf_ld_imm64 insn");
      const map = mapOf(image, slot, context, reject);
      setImmediate(image, slot, map.id, MAP_HANDLE_HIGH);
      return map;
    }
    case PseudoLoad.MapValue: {
      const map = mapOf(image, slot, context, reject);
      const value = map.directValue();
      if (value === 0) reject.at(slot, "no direct value access support for this map type");
      const offset = (image.imm[slot + 1] as number) >>> 0;
      if (offset >= map.valueSize) {
        reject.at(slot, `invalid access to map value pointer, value_size=${map.valueSize} off=${offset}`);
      }
      const address = context.memory.addressOf(value + offset);
      setImmediate(image, slot, Number(address & 0xffff_ffffn) | 0, Number(address >> 32n) | 0);
      return map;
    }
    case PseudoLoad.Function: {
      const index = image.functionAt.get(calleeSlot(image, slot) as number) as number;
      setImmediate(image, slot, FUNCTION_HANDLE_LOW + index, FUNCTION_HANDLE_HIGH);
      return undefined;
    }
    case PseudoLoad.BtfId:
      throw new BpfkitError(
        "VM021",
        `program ${image.name}, instruction ${slot}: kernel variables (ksyms) are not simulated by the VM`,
      );
    default:
      throw new BpfkitError(
        "VM021",
        `program ${image.name}, instruction ${slot}: maps by index (fd_array) are not supported by the VM`,
      );
  }
}

/** Puts `goto -1` in the place of a call that never happens, as the kernel does (v6.1, sanitize_dead_code). */
function neverRun(image: ProgramImage, slot: number): void {
  image.opcode[slot] = Class.Jmp | JumpOp.Ja;
  image.dst[slot] = 0;
  image.src[slot] = 0;
  image.off[slot] = -1;
  image.imm[slot] = 0;
}

function mapOf(image: ProgramImage, slot: number, context: ResolveContext, reject: Rejecter): BpfMap {
  const fd = image.imm[slot] as number;
  return context.mapByFd(fd) ?? reject.at(slot, `fd ${fd} is not pointing to valid bpf_map`, 9);
}

function checkCall(image: ProgramImage, slot: number, context: ResolveContext, reject: Rejecter): void {
  if (image.src[slot] === PseudoCall.Local) return;
  const id = image.imm[slot] as number;
  if (image.src[slot] === PseudoCall.Kfunc) {
    throw new BpfkitError(
      "VM021",
      `program ${image.name}, instruction ${slot}: kernel functions (kfuncs) are not simulated by the VM`,
    );
  }
  const helper = context.helpers.get(id);
  if (helper === undefined && reachableSlots(image)[slot] === 0) {
    neverRun(image, slot);
    return;
  }
  if (helper === undefined) {
    const known = helperById(id);
    if (known === undefined) reject.at(slot, `invalid func unknown#${id}`);
    throw new BpfkitError(
      "VM020",
      `program ${image.name}, instruction ${slot}: the VM has no helper bpf_${known.name}#${id}`,
      { hint: "Run the program on a real kernel, or avoid this helper in the VM." },
    );
  }
  if (helper.gplOnly === true && !context.gplCompatible) {
    reject.at(slot, "cannot call GPL-restricted function from non-GPL compatible program");
  }
}
