/** What is done to programs for kernels that lack something: older helpers, attach types left out. */
import { NewerAttachType, ProgramType } from "@bpfkit/base/abi";
import type { Kernel } from "@bpfkit/base/kernel";
import { type Instruction, PseudoCall } from "@bpfkit/elf/isa";
import { hasFeature } from "../features/feature.ts";
import type { FeatureName } from "../features/table.ts";
import type { LinkedProgram } from "../relocate/link-program.ts";
import type { ProgramSpec } from "../spec/program-spec.ts";

const call = 0x85;
/** BPF_F_SLEEPABLE. */
const sleepable = 1 << 4;

/** Helpers of Linux 5.5 that know user space's memory from the kernel's -> those before, which do not. */
const before5dot5: ReadonlyMap<number, number> = new Map([
  [112, 4], // bpf_probe_read_user -> bpf_probe_read
  [113, 4], // bpf_probe_read_kernel
  [114, 45], // bpf_probe_read_user_str -> bpf_probe_read_str
  [115, 45], // bpf_probe_read_kernel_str
]);

/** A program's instructions, with older helpers where the kernel lacks the newer ones. */
export function olderHelpers(
  program: LinkedProgram,
  supports: (feature: FeatureName) => boolean,
): readonly Instruction[] {
  const instructions = program.instructions.map(({ instruction }) => instruction);
  if (supports("probe-read-kernel")) return instructions;
  return instructions.map((instruction) => {
    const isHelper = instruction.opcode === call && instruction.src === PseudoCall.Helper;
    const older = isHelper ? before5dot5.get(instruction.imm) : undefined;
    return older === undefined ? instruction : { ...instruction, imm: older };
  });
}

/** Attach types that only newer kernels know, and what has them; others attach such programs in older ways. */
const newerTypes: ReadonlyMap<number, FeatureName> = new Map([
  [NewerAttachType.TraceUprobeMulti, "uprobe-multi"],
  [NewerAttachType.TcxIngress, "tcx-link"],
  [NewerAttachType.TcxEgress, "tcx-link"],
]);

/** Whether a program of `SEC("usdt")` is loaded for links of many uprobes, and can be attached by those only (as in libbpf). */
export function usdtByOneLink(kernel: Kernel, spec: ProgramSpec): boolean {
  return spec.method === "usdt" && hasFeature(kernel, "uprobe-multi");
}

/** The attach type and flags of BPF_PROG_LOAD. */
export function expectationsOf(
  spec: ProgramSpec,
  kernel: Kernel,
): { readonly expectedAttachType: number; readonly flags?: number } {
  // Of struct_ops programs it is the index of a member, whatever the type of that number.
  const isMember = spec.type === ProgramType.StructOps;
  const needs = isMember ? undefined : newerTypes.get(spec.expectedAttachType);
  const isKnown = needs === undefined || hasFeature(kernel, needs);
  const known = usdtByOneLink(kernel, spec) ? NewerAttachType.TraceUprobeMulti : spec.expectedAttachType;
  const flags = spec.flags | (spec.sleepable ? sleepable : 0);
  return {
    expectedAttachType: isKnown ? known : 0,
    ...(flags === 0 ? {} : { flags }),
  };
}
