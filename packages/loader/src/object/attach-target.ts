/** The BTF id that tracing and LSM programs name at load time. */
import { AttachType, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfTable } from "@bpfkit/elf/btf";
import type { ProgramSpec } from "../spec/program-spec.ts";

/** The prefix and kind of the kernel's type for an attach type (kernel/bpf/verifier.c, bpf_check_attach_target). */
function naming(program: ProgramSpec): { prefix: string; kind: "func" | "typedef" } | undefined {
  if (program.type === ProgramType.Lsm) return { prefix: "bpf_lsm_", kind: "func" };
  if (program.type !== ProgramType.Tracing) return undefined;
  switch (program.expectedAttachType) {
    case AttachType.TraceRawTp:
      return { prefix: "btf_trace_", kind: "typedef" };
    case AttachType.TraceIter:
      return { prefix: "bpf_iter_", kind: "func" };
    default:
      return { prefix: "", kind: "func" };
  }
}

/** The id, or undefined for program types that need none. @throws BpfkitError LD053 where the kernel has no such target. */
export function attachTarget(program: ProgramSpec, targetBtf: () => BtfTable): number | undefined {
  const names = naming(program);
  if (names === undefined) return undefined;
  if (program.attachTo === undefined) {
    throw new BpfkitError("LD053", `program ${program.name} does not say what it attaches to`, {
      hint: `Write SEC("${program.section}/FUNCTION") or set attachTo before loading.`,
    });
  }
  const id = targetBtf().find(names.prefix + program.attachTo, names.kind);
  if (id !== undefined) return id;
  throw new BpfkitError(
    "LD053",
    `program ${program.name}: the kernel's types have no ${names.kind} ${names.prefix}${program.attachTo}`,
    { hint: "The function may be inlined, static in several files or absent in this kernel; try a kprobe." },
  );
}
