/** Random C programs do the same built by native clang and by bpfkit. `npm run differential:codegen` runs 10,000. */
import { LinuxKernel } from "@bpfkit/loader/linux";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";
import { boot } from "../vm/boot.ts";
import { batchOf, Differential } from "./differential.ts";
import { randomProgram } from "./random-program.ts";

/** Files with all levels, with 32-bit atomics, with signed division, and one that bpfkit builds from C. */
const seeds = [9000, 9001, 9002, 9003, 9004];
const programs = 40;

const clang = requireTool("clang-19");
if (clang !== undefined) {
  test("random programs do the same in both builds", async () => {
    const canLoad = canLoadBpf();
    if (!canLoad) process.stderr.write("SKIPPED: the kernel's word on random programs needs root and BPF\n");
    const real = canLoad ? new LinuxKernel() : undefined;
    const simulated = (engine: "interpreter" | "jit") => boot("exec", engine);
    const differential = new Differential(clang, real === undefined ? { simulated } : { simulated, real });
    try {
      let [comparisons, inKernel] = [0, 0];
      for (const seed of seeds) {
        const outcome = await differential.compare(batchOf(seed, programs), seed === 9001);
        assert.equal(outcome.differences, []);
        assert.is(outcome.programs, programs);
        comparisons += outcome.comparisons;
        inKernel += outcome.inKernel;
      }
      // Each program in at least two engines beside native clang's own build.
      assert.ok(comparisons >= seeds.length * programs * 3, `${comparisons} runs compared`);
      if (canLoad) assert.ok(inKernel >= programs / 2, `${inKernel} programs ran in this kernel`);
    } finally {
      await differential.close();
      real?.shutdown();
    }
  });
}

test("the same seed gives the same program, another seed another", () => {
  const text = (seed: number): string =>
    randomProgram({ seed, programs: 3, atomics: true, signedDivision: true });
  assert.is(text(7), text(7));
  assert.is.not(text(7), text(8));
});

test.run();
