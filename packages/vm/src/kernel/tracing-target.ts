/** What a tracing program attaches to: the meaning of attach_btf_id. */

import { AttachType, Errno, ProgramType } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { type ProgramLoadAttributes, VerifierRejection } from "@bpfkit/base/kernel";
import { notSimulated } from "../not-simulated.ts";
import type { TracingTarget } from "./open-files.ts";
import type { SimulatedWorld } from "./simulated-world.ts";

/** Prefix of the typedefs by which BTF names raw tracepoints. */
const RawTracepointPrefix = "btf_trace_";

/**
 * The target of a program being loaded; undefined for program types that have none.
 * @throws SyscallError with the verifier's words where the id does not fit (kernel/bpf/verifier.c, bpf_check_attach_target)
 */
export function tracingTarget(
  world: SimulatedWorld,
  attributes: ProgramLoadAttributes,
): TracingTarget | undefined {
  const { type, expectedAttachType, attachBtfId } = attributes;
  if (type === ProgramType.Lsm) throw notSimulated("attaching LSM programs");
  if (type === ProgramType.StructOps || type === ProgramType.Ext) {
    throw notSimulated("struct_ops and extension programs");
  }
  if (type !== ProgramType.Tracing) {
    if (attachBtfId !== undefined && attachBtfId !== 0) throw new SyscallError("BPF_PROG_LOAD", Errno.EINVAL);
    return undefined;
  }
  if (attachBtfId === undefined || attachBtfId === 0) {
    return refuse("Tracing programs must provide btf_id", Errno.EINVAL);
  }
  const { btf } = world;
  if (attachBtfId < 0 || attachBtfId >= btf.typeCount) {
    return refuse(`attach_btf_id ${attachBtfId} is invalid`, Errno.EINVAL);
  }
  const subject = btf.type(attachBtfId);
  switch (expectedAttachType) {
    case AttachType.TraceRawTp: {
      if (subject.kind !== "typedef") {
        return refuse(`attach_btf_id ${attachBtfId} is not a typedef`, Errno.EINVAL);
      }
      if (!subject.name.startsWith(RawTracepointPrefix)) {
        return refuse(`attach_btf_id ${attachBtfId} points to wrong type name ${subject.name}`, Errno.EINVAL);
      }
      return { kind: "raw tracepoint", name: subject.name.slice(RawTracepointPrefix.length) };
    }
    case AttachType.TraceFentry:
    case AttachType.TraceFexit: {
      if (subject.kind !== "func")
        return refuse(`attach_btf_id ${attachBtfId} is not a function`, Errno.EINVAL);
      if (!world.symbols.isProbeable(subject.name)) {
        return refuse(`The address of function ${subject.name} cannot be found`, Errno.ENOENT);
      }
      const place = expectedAttachType === AttachType.TraceFentry ? "fentry" : "fexit";
      return { kind: "function", name: subject.name, place };
    }
    case AttachType.ModifyReturn:
      throw notSimulated("fmod_ret programs");
    case AttachType.TraceIter:
      throw notSimulated("iterator programs");
    default:
      return refuse("Attach type unknown", Errno.EINVAL);
  }
}

function refuse(message: string, errno: number): never {
  const log = `${message}\nprocessed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n`;
  throw new SyscallError("BPF_PROG_LOAD", errno, { detail: message, cause: new VerifierRejection(log) });
}
