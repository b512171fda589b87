/** The function of another program that SEC("freplace/FUNCTION") replaces (Linux 5.6). */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import type { ProgramSpec } from "../spec/program-spec.ts";

/** A loaded program, this loader's or one that was opened from a pin or by id. */
export interface ExtendedProgram {
  readonly name: string;
  readonly fd: Fd;
}

/**
 * The BTF id, in the other program's own types, of the function to replace.
 * @throws BpfkitError LD053 where the section or the options leave out what is to be replaced, or there is no such function
 */
export function extendedFunction(
  kernel: Kernel,
  program: ProgramSpec,
  extended: ExtendedProgram | undefined,
): number {
  const { attachTo } = program;
  if (attachTo === undefined || extended === undefined) {
    const what = attachTo === undefined ? "which function" : "the program whose function";
    throw new BpfkitError("LD053", `program ${program.name} does not say ${what} it replaces`, {
      hint: 'Write SEC("freplace/FUNCTION"), and give the loaded program that has it as the option `extend`.',
    });
  }
  const table = typesOf(kernel, extended);
  const id = table?.find(attachTo, "func");
  if (table !== undefined && id !== undefined) return id;
  const names = table === undefined ? [] : [...table.typesOfKind("func")].map((each) => table.nameOf(each));
  throw new BpfkitError("LD053", `program ${program.name}: ${extended.name} has no function ${attachTo}`, {
    hint:
      names.length === 0
        ? "It was loaded without types."
        : `It has ${names.slice(0, 20).join(", ")}. Only global functions that the compiler has not inlined can be replaced.`,
  });
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
