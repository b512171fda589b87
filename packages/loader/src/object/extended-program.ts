/** The function of another program that SEC("freplace/FUNCTION") replaces (Linux 5.6), or SEC("fentry/FUNCTION") traces (5.5). */
import { AttachType, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import type { ProgramSpec } from "../spec/program-spec.ts";

/** Attach types that stand at a function. */
const functionProbes: ReadonlySet<number> = new Set([
  AttachType.TraceFentry,
  AttachType.TraceFexit,
  AttachType.ModifyReturn,
]);

/** A loaded program, this loader's or one that was opened from a pin or by id. */
export interface ExtendedProgram {
  readonly name: string;
  readonly fd: Fd;
}

/**
 * The program that a program replaces or traces a function of; undefined for those that attach to the kernel.
 * @throws BpfkitError LD053 for an extension without one
 */
export function otherProgram(
  program: ProgramSpec,
  options: { readonly extend?: ExtendedProgram; readonly trace?: ExtendedProgram },
): ExtendedProgram | undefined {
  if (program.type === ProgramType.Ext)
    return options.extend ?? unsaid(program, "the program whose function");
  const isProbe = program.type === ProgramType.Tracing && functionProbes.has(program.expectedAttachType);
  return isProbe ? options.trace : undefined;
}

function unsaid(program: ProgramSpec, what: string): never {
  const isExtension = program.type === ProgramType.Ext;
  throw new BpfkitError(
    "LD053",
    `program ${program.name} does not say ${what} it ${isExtension ? "replaces" : "traces"}`,
    {
      hint: isExtension
        ? 'Write SEC("freplace/FUNCTION"), and give the loaded program that has it: the option `extend`, or --extend of bpfkit run.'
        : 'Write SEC("fentry/FUNCTION") or SEC("fexit/FUNCTION").',
    },
  );
}

/**
 * The BTF id, in the other program's own types, of the function to replace or trace.
 * @throws BpfkitError LD053 where the section does not name it, or there is no such function
 */
export function extendedFunction(kernel: Kernel, program: ProgramSpec, extended: ExtendedProgram): number {
  const attachTo = program.attachTo ?? unsaid(program, "which function");
  const table = typesOf(kernel, extended);
  const id = table?.find(attachTo, "func");
  if (table !== undefined && id !== undefined) return id;
  const names = table === undefined ? [] : [...table.typesOfKind("func")].map((each) => table.nameOf(each));
  throw new BpfkitError("LD053", `program ${program.name}: ${extended.name} has no function ${attachTo}`, {
    hint:
      names.length === 0
        ? "It was loaded without types."
        : `It has ${names.slice(0, 20).join(", ")}. ${reach(program)}`,
  });
}

function reach({ type }: ProgramSpec): string {
  const which = type === ProgramType.Ext ? "global functions" : "functions";
  const how = type === ProgramType.Ext ? "replaced" : "traced";
  return `Only ${which} that the compiler has not inlined can be ${how}.`;
}

function typesOf(kernel: Kernel, { name, fd }: ExtendedProgram): BtfTable | undefined {
  const { objects } = kernel;
  try {
    const { btfId } = objects.programInfo(fd);
    if (btfId === 0) return undefined;
    const btf = objects.openById("btf", btfId);
    try {
      return BtfTable.decode(objects.btfData(btf), { name: `types of ${name}` });
    } finally {
      kernel.close(btf);
    }
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError("LD053", `the types of program ${name} cannot be read: ${error.message}`, {
      cause: error,
    });
  }
}
