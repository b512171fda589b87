/**
 * Runs the bpfkit command under a seccomp filter that refuses a system call, as containers do: bpf with EPERM, or what
 * DENIED=CALL:ERRNO says, as perf_event_open:38. x86-64 and arm64.
 */
import { createRequire } from "node:module";
import { resolve } from "node:path";

const packages = resolve(import.meta.dirname, "../../packages");
const koffi = createRequire(resolve(packages, "loader/package.json"))("koffi");
const prctl = koffi.load(null).func("prctl", "int", ["int", "uint64", "void *", "uint64", "uint64"]);

const numbers =
  process.arch === "arm64" ? { bpf: 280, perf_event_open: 241 } : { bpf: 321, perf_event_open: 298 };
const [call, errno] = (process.env.DENIED ?? "bpf:1").split(":");
// Classic BPF (uapi linux/filter.h, linux/seccomp.h): load the call's number; equal -> an errno; otherwise allow.
const instructions = [
  [0x20, 0, 0, 0],
  [0x15, 0, 1, numbers[call]],
  [0x06, 0, 0, 0x0005_0000 + Number(errno)],
  [0x06, 0, 0, 0x7fff_0000],
];
const code = Buffer.alloc(instructions.length * 8);
instructions.forEach(([opcode, yes, no, value], index) => {
  code.writeUInt16LE(opcode, index * 8);
  code.writeUInt8(yes, index * 8 + 2);
  code.writeUInt8(no, index * 8 + 3);
  code.writeUInt32LE(value, index * 8 + 4);
});
const program = Buffer.alloc(16);
program.writeUInt16LE(instructions.length, 0);
program.writeBigUInt64LE(koffi.address(code), 8);

const [noNewPrivileges, setSeccomp, filterMode] = [38, 22, 2];
if (prctl(noNewPrivileges, 1, null, 0, 0) !== 0 || prctl(setSeccomp, filterMode, program, 0, 0) !== 0) {
  throw new Error("the seccomp filter cannot be set");
}
const { main } = await import(resolve(packages, "cli/dist/main.js"));
await main(process.argv.slice(2));
