/** Small programs, maps and types that are given to a kernel only to see what it says. */
import { Errno, ProgramType } from "@bpfkit/base/abi";
import { NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import { type Fd, type Kernel, type ProgramLoadAttributes, VerifierRejection } from "@bpfkit/base/kernel";
import { BtfBuilder, type BtfType } from "@bpfkit/elf/btf";
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";

/** How an attempt ended: `errno` 0 where it went well. */
export interface Outcome {
  readonly errno: number;
  /** What the verifier said, where it did. */
  readonly log: string;
}

const fine: Outcome = { errno: 0, log: "" };
/** EOPNOTSUPP, for what a simulated kernel refuses by name. */
const refusedErrno = 95;

/** Runs something that opens a descriptor, and closes it again. Failures of another kind than a system call's are thrown. */
export function attempt(kernel: Kernel, open: () => Fd): Outcome {
  try {
    kernel.close(open());
    return fine;
  } catch (error) {
    return outcomeOf(error);
  }
}

/** Attempts that the kernel did not permit, so that nothing is known by them. */
let notPermitted = 0;

/** @throws what is no answer of a kernel */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof NotSupportedError) return { errno: refusedErrno, log: error.message };
  const failed = error instanceof Error && error.cause instanceof SyscallError ? error.cause : error;
  if (!(failed instanceof SyscallError)) throw error;
  const log = failed.cause instanceof VerifierRejection ? failed.cause.log : "";
  if (failed.errno === Errno.EPERM && log === "") notPermitted += 1;
  return { errno: failed.errno, log };
}

/** What a probe finds; undefined where it says no and something that it tried was not permitted: then nobody knows. */
export function answerOf(probe: () => boolean): boolean | undefined {
  const before = notPermitted;
  return probe() || (notPermitted === before ? false : undefined);
}

/** Loads a program given as assembler text. */
export function attemptProgram(
  kernel: Kernel,
  text: string,
  attributes: Partial<Omit<ProgramLoadAttributes, "instructions">> = {},
): Outcome {
  const instructions = encodeInstructions(assemble(text));
  return attempt(kernel, () =>
    kernel.programLoad({
      type: ProgramType.SocketFilter,
      expectedAttachType: 0,
      name: "",
      license: "GPL",
      logLevel: 0,
      ...attributes,
      instructions,
    }),
  );
}

/** `.BTF` of a list of types; ids count from 1. */
export function btfOf(types: readonly BtfType[]): Uint8Array {
  const builder = new BtfBuilder();
  for (const type of types) builder.add(type);
  return builder.encode();
}

/** Loads types. */
export function attemptTypes(kernel: Kernel, types: readonly BtfType[]): Outcome {
  return attempt(kernel, () => kernel.btfLoad(btfOf(types)));
}

/** `int`, for every test that needs a type. */
export const intType: BtfType = {
  kind: "int",
  name: "int",
  size: 4,
  signed: true,
  char: false,
  bool: false,
  bitOffset: 0,
  bits: 32,
};
