/**
 * Programs that the verifier refuses are explained: each program of rejections/rejections.bpf.c bears the name of a complaint in
 * the loader's table and marks the line that has to be named. They are only loaded, into the kernel of this machine;
 * guest/cases/rejections.ts loads the same into Linux 6.1, whose words differ.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { ProgramType } from "@bpfkit/base/abi";
import { formatError, SyscallError } from "@bpfkit/base/diagnostics";
import { type Kernel, type ProgramLoadAttributes, VerifierRejection } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";
import { complaints, explainLog } from "@bpfkit/loader";
import { Builder, openLinuxKernel } from "bpfkit/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";
import { refuse, rejectedPrograms, rejectionFile, rejectionText } from "./guest/refuse.ts";

const test = suite("rejections");
const mayLoad = canLoadBpf();
if (!mayLoad) {
  const message = "asking the verifier of this machine needs root and BPF";
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message}\n`);
}

const programs = rejectedPrograms(rejectionText);
let object: Uint8Array = new Uint8Array();
let kernel: Kernel;
let kernelTypes: BtfTable;
test.before(async () => {
  if (!mayLoad) return;
  const builder = new Builder();
  ({ object } = await builder.build({ file: rejectionFile, text: rejectionText }));
  await builder.close();
  kernel = await openLinuxKernel();
  kernelTypes = BtfTable.decode(kernel.readKernelFile("/sys/kernel/btf/vmlinux"));
});
test.after(() => {
  if (mayLoad) kernel.shutdown();
});

for (const program of programs) {
  if (!mayLoad) continue;
  test(program.name, () => {
    const error = refuse(kernel, object, program, kernelTypes);
    assert.is(error.kind, program.kind, error.log.slice(-500));
    const shown = formatError(error);
    if (program.line !== undefined) assert.match(shown, `${rejectionFile}:${program.line}:`);
    assert.match(shown, /hint: /);
  });
}

/** What C cannot be made to do, or not on every machine. */
const rawCases: readonly {
  kind: string;
  attributes: () => Partial<ProgramLoadAttributes>;
  text: string;
}[] = [
  {
    kind: "attach_target",
    attributes: () => ({
      type: ProgramType.StructOps,
      attachBtfId: 1,
    }),
    text: "r0 = 0\nexit",
  },
  {
    kind: "unknown_instruction",
    attributes: () => ({ instructions: Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0) }),
    text: "exit",
  },
  {
    kind: "kernel_function",
    attributes: () => ({ instructions: kernelCall("bpf_task_from_pid") }),
    text: "exit",
  },
];

/** `call` of a kernel function by its BTF id, with a number as its argument. */
function kernelCall(name: string): Uint8Array {
  const id = kernelTypes.find(name, "func") ?? 0;
  const bytes = encodeInstructions(assemble("r1 = 1\ncall 1\nexit"));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint8(9, 0x20);
  view.setInt32(12, id, true);
  return bytes;
}

for (const { kind, attributes, text } of rawCases) {
  if (!mayLoad) continue;
  test(`${kind}, in instructions`, () => {
    const log = rejectionLog(() =>
      kernel.programLoad({
        type: ProgramType.SocketFilter,
        expectedAttachType: 0,
        name: "raw",
        license: "GPL",
        logLevel: 0,
        instructions: encodeInstructions(assemble(text)),
        ...attributes(),
      }),
    );
    assert.is(explainLog(log)?.kind, kind, log);
  });
}

test("pointer_leak and uninitialised_stack, for a process without CAP_PERFMON", () => {
  const setpriv = requireTool("setpriv");
  if (!mayLoad || setpriv === undefined) return;
  const script = join(import.meta.dirname, "guest/load-without-perfmon.ts");
  const words = ["--bounding-set=-all,+bpf", "--inh-caps=-all", process.execPath];
  const node = ["--import", "tsx", "--conditions=bpfkit-source", script];
  const output = execFileSync(setpriv, [...words, ...node], { encoding: "utf8" });
  const logs = JSON.parse(output) as { name: string; log: string }[];
  assert.equal(
    logs.map(({ log }) => explainLog(log)?.kind),
    ["pointer_leak", "uninitialised_stack"],
    output,
  );
});

function rejectionLog(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    if (error instanceof SyscallError && error.cause instanceof VerifierRejection) return error.cause.log;
    throw error;
  }
  throw new Error("the kernel accepts it");
}

test("a log without an end, without complaint or of nothing is no explanation", () => {
  assert.is(explainLog(""), undefined);
  assert.is(
    explainLog("0: R1=ctx() R10=fp0\n0: (b7) r0 = 0\nprocessed 2 insns (limit 1000000)\n"),
    undefined,
  );
  const unknown = explainLog("0: (b7) r0 = 0\nsomething that no kernel says\nprocessed 1 insns\n");
  assert.equal(
    [unknown?.kind, unknown?.words, unknown?.slot],
    [undefined, "something that no kernel says", 0],
  );
});

test("every complaint of the table is provoked", () => {
  const provoked = new Set([...programs, ...rawCases].map(({ kind }) => kind));
  for (const kind of ["pointer_leak", "uninitialised_stack"]) provoked.add(kind);
  const missing = complaints.map(({ name }) => name).filter((name) => !provoked.has(name));
  assert.equal(missing, []);
});

test.run();
