/** Newer instructions in the VM and in the kernel of this machine: may_goto (6.9), load_acquire, store_release (6.15). */
import { release } from "node:os";
import { compareReleases, ProgramType } from "@bpfkit/base/abi";
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LinuxKernel } from "../../packages/loader/src/linux/linux-kernel.ts";
import { canLoadBpf } from "../support/native-tools.ts";
import { boot } from "./boot.ts";

/** Each program's result must not depend on how often may_goto falls through: newer kernels measure time in its place. */
const programs: readonly [name: string, since: string, text: string, result: number][] = [
  [
    "may_goto bounds a loop that ends by itself",
    "6.9",
    `r0 = 0
top: may_goto out
     r0 += 3
     if r0 < 300 goto top
out: exit`,
    300,
  ],
  [
    "may_goto ends an endless loop",
    "6.9",
    `r0 = 7
top: may_goto out
     goto top
out: exit`,
    7,
  ],
  ...(["u8", "u16", "u32", "u64"] as const).map((size): [string, string, string, number] => [
    `store_release and load_acquire of ${size}`,
    "6.15",
    `r2 = 0x1122334455667788 ll
     *(u64 *)(r10 -8) = -1
     store_release((${size} *)(r10 -8), r2)
     r3 = load_acquire((${size} *)(r10 -8))
     r0 = r3
     r4 = *(u64 *)(r10 -8)
     r0 ^= r4
     r0 *= 31
     w0 += w3
     r3 >>= 32
     w0 ^= w3
     exit`,
    expected({ u8: 8, u16: 16, u32: 32, u64: 64 }[size]),
  ]),
];

function expected(bits: number): number {
  const value = BigInt.asUintN(bits, 0x1122334455667788n);
  const memory = BigInt.asUintN(64, ~((1n << BigInt(bits)) - 1n)) | value;
  const sum = BigInt.asUintN(32, (value ^ memory) * 31n + value);
  return Number(sum ^ BigInt.asUintN(32, value >> 32n));
}

for (const [name, since, text, result] of programs) {
  test(name, () => {
    const attributes = {
      type: ProgramType.Syscall,
      expectedAttachType: 0,
      name: "newer",
      instructions: encodeInstructions(assemble(text)),
      license: "GPL",
      logLevel: 0,
      // BPF_F_SLEEPABLE: programs of this type have to be.
      flags: 16,
    };
    for (const engine of ["interpreter", "jit"] as const) {
      const simulated = boot("exec", engine);
      const program = simulated.programLoad(attributes);
      assert.is(simulated.programTestRun(program, {}).returnValue >>> 0, result, engine);
    }
    if (!canLoadBpf() && process.env["CI"] !== undefined) throw new Error("this test needs root and BPF");
    if (!canLoadBpf() || compareReleases(release(), since) < 0) {
      process.stderr.write(
        `SKIPPED: ${name} was not compared with a kernel, which has to be Linux ${since}\n`,
      );
      return;
    }
    const kernel = new LinuxKernel();
    try {
      const program = kernel.programLoad(attributes);
      assert.is(kernel.programTestRun(program, {}).returnValue >>> 0, result, "kernel");
    } finally {
      kernel.shutdown();
    }
  });
}

test.run();
