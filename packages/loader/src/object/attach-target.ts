/** The BTF id that tracing and LSM programs name at load time. */
import { AttachType, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { ProgramSpec } from "../spec/program-spec.ts";
import type { FoundType, KernelTypes } from "./kernel-types.ts";

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

/**
 * The type, or undefined for program types that need none. `MODULE:FUNCTION` looks in one module; other names are looked
 * up in vmlinux, then in every module.
 * @param struct of struct_ops programs: the struct that holds them
 * @throws BpfkitError LD053 where the kernel has no such target.
 */
export function attachTarget(
  program: ProgramSpec,
  types: () => KernelTypes,
  struct: number | undefined,
): FoundType | undefined {
  if (program.type === ProgramType.StructOps) {
    if (struct !== undefined) return { id: struct, module: undefined };
    throw new BpfkitError("LD053", `program ${program.name} is of type struct_ops, but no struct holds it`, {
      hint: 'Put it at a member of a variable in SEC(".struct_ops"), or leave it out with SEC("?struct_ops").',
    });
  }
  const names = naming(program);
  if (names === undefined) return undefined;
  const { attachTo } = program;
  if (attachTo === undefined) {
    throw new BpfkitError("LD053", `program ${program.name} does not say what it attaches to`, {
      hint: `Write SEC("${program.section}/FUNCTION") or set attachTo before loading.`,
    });
  }
  const colon = attachTo.indexOf(":");
  const module = colon === -1 ? undefined : attachTo.slice(0, colon);
  const name = names.prefix + attachTo.slice(colon + 1);
  const found = types().find(name, names.kind, module);
  if (found !== undefined) return found;
  const isLoaded = module === undefined || types().modules.some((each) => each.name === module);
  throw new BpfkitError(
    "LD053",
    isLoaded
      ? `program ${program.name}: the kernel's types have no ${names.kind} ${name}`
      : `program ${program.name}: module ${module} is not loaded, or has no BTF`,
    {
      hint: isLoaded
        ? "The function may be inlined, static in several files or absent in this kernel; try a kprobe."
        : `Load it with modprobe ${module}.`,
    },
  );
}
