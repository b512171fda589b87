/** Which helpers a program can call. */
import { PseudoCall } from "@bpfkit/elf/isa";
import type { HelperTable } from "../helpers/definition.ts";
import type { ProgramImage } from "./image.ts";

/** Ids in order of first use; where the number comes from a register, all that the table has. */
export function calledHelpers(image: ProgramImage, helpers: HelperTable): number[] {
  const ids = new Set<number>();
  for (let slot = 0; slot < image.slotCount; slot = image.nextSlot(slot)) {
    if (image.isRegisterCall(slot)) return [...helpers.keys()];
    const calls = image.isCall(slot) && image.src[slot] === PseudoCall.Helper;
    if (calls) ids.add(image.imm[slot] as number);
  }
  return [...ids];
}
