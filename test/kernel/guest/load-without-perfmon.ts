/**
 * Loads programs that only a process without CAP_PERFMON is refused, and prints the verifier's logs as JSON. It is run with
 * CAP_BPF alone, so it calls bpf(2) below the Kernel port, which asks for both.
 */
import { MapType, ProgramType } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { VerifierRejection } from "@bpfkit/base/kernel";
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";
import { LinuxBpf } from "../../../packages/loader/src/linux/bpf.ts";
import { Descriptors } from "../../../packages/loader/src/linux/descriptors.ts";

const bpf = new LinuxBpf(new Descriptors(), "6.1.0", 1);
const shape = { keySize: 8, valueSize: 8, maxEntries: 1, flags: 0, name: "map" };
const map = bpf.mapCreate({ type: MapType.Hash, ...shape });

const programs = {
  leak: "r0 = r10\nexit",
  stack: `r1 = map[fd:${map}]\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem\nr0 = 0\nexit`,
};

const logs = Object.entries(programs).map(([name, text]) => {
  try {
    const instructions = encodeInstructions(assemble(text));
    const fixed = { type: ProgramType.SocketFilter, expectedAttachType: 0, license: "GPL", logLevel: 0 };
    bpf.programLoad({ ...fixed, name, instructions });
    return { name, log: "accepted" };
  } catch (error) {
    const rejection = error instanceof SyscallError ? error.cause : undefined;
    return { name, log: rejection instanceof VerifierRejection ? rejection.log : String(error) };
  }
});
process.stdout.write(JSON.stringify(logs));
