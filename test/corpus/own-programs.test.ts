/** Every C program of this repository, built with native clang too: the kernel takes what it takes of clang's, no larger. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { createNodeClang } from "@bpfkit/clang/node";
import { generate, lowerCoreAccess } from "@bpfkit/codegen";
import { rewriteSource } from "bpfkit";
import { collectUserHeaders, loadBundledProfile } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { casesOf } from "../kernel/guest/cases/index.ts";
import { NativeUnit } from "../support/native-build.ts";
import { requireTool } from "../support/native-tools.ts";
import { objectFacts } from "./codegen/compare.ts";
import { judgePair } from "./codegen/kernel/judge-pair.ts";
import { canAskKernel, KernelOracle } from "./codegen/kernel/oracle.ts";

const root = join(import.meta.dirname, "../..");
/** No program may be larger than this against clang's; all together no more than the second. */
const largest = 1.25;
const largestMean = 1.02;

/** Programs whose results depend on the numbers of types in the object's BTF, which both compilers give as they like. */
const asksTypeNumbers = /bpf_core_type_id_local/;

interface Program {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly defines: readonly string[];
}

/** The files, and the texts that the guest's cases have in them. */
function programs(): Program[] {
  const files = ["packages", "templates", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".bpf.c") && !/(?:^|\/)(?:node_modules|dist)\//.test(name))
      .map((name) => join(root, folder, name)),
  );
  const all = files.sort().map((file): Program => {
    const text = readFileSync(file, "utf8");
    const headers = collectUserHeaders(file, text, [dirname(file)]);
    return { name: relative(root, file), file, text, headers, defines: [] };
  });
  for (const { name, programs: own = [] } of [...casesOf("stable"), ...casesOf("backports")]) {
    for (const { file, text, defines = [] } of own)
      if (!all.some((one) => one.text === text && `${one.defines}` === `${defines}`))
        all.push({ name: `${name} (guest)`, file, text, headers: new Map(), defines });
  }
  return all;
}

const clang = requireTool("clang-19");
const kernel = canAskKernel() ? new KernelOracle() : undefined;
if (kernel === undefined)
  process.stderr.write("SKIPPED: the kernel's word on own programs needs root, BPF and libbpf\n");

if (clang !== undefined) {
  const profile = loadBundledProfile();
  const compiler = createNodeClang({ timeoutMs: 300_000 });
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-own-"));
  // The names of the objects are in those of their data sections' maps: both are called the same.
  for (const builder of ["bpfkit", "clang"]) mkdirSync(join(folder, builder));
  const [ours, native] = [join(folder, "bpfkit/own.o"), join(folder, "clang/own.o")];
  const ratios: number[] = [];
  let loaded = 0;
  for (const { name, file, text, headers, defines } of programs()) {
    test(name, async () => {
      const options = { cpu: "v3", defines, includeDirs: [], headers } as const;
      const {
        unit,
        rewritten,
        headers: changed,
      } = await rewriteSource({ file, text }, profile, compiler, options);
      const unitOfClang = new NativeUnit(unit.codeRequest(rewritten, changed));
      // Stage by stage: the whole build also asks whether bpfkit's loader knows what is in the object.
      const { ir: raw } = await compiler.compileToIr(unit.codeRequest(rewritten, changed));
      const { ir } = await compiler.optimiseIr(lowerCoreAccess(raw), { cpu: "v3", optLevel: 2 });
      writeFileSync(ours, generate(ir, { cpu: "v3", mainFile: file }).bytes);
      try {
        writeFileSync(native, unitOfClang.build(clang));
      } catch (error) {
        // Its stdint.h and bpfkit's vmlinux.h are not made for each other.
        assert.match(String(error), /typedef redefinition with different types/);
        return;
      } finally {
        unitOfClang.close();
      }
      const [own, other] = [ours, native].map((path) =>
        objectFacts(new Uint8Array(readFileSync(path)), name),
      );
      if (own === undefined || other === undefined) throw new Error("no objects");
      const ratio = own.instructions / other.instructions;
      if (other.instructions > 0) ratios.push(ratio);
      assert.ok(!(ratio > largest), `${own.instructions} instructions, clang's has ${other.instructions}`);
      assert.equal(own.coreRelocations, other.coreRelocations);
      if (kernel === undefined) return;
      const verdict = await judgePair(kernel, ours, native);
      assert.equal(
        verdict.programs.filter(({ loads }) => !loads),
        [],
      );
      if (!asksTypeNumbers.test(text)) assert.is(verdict.difference, undefined);
      loaded += verdict.programs.length;
    });
  }
  test("all together are not larger than clang's, and the kernel took many", () => {
    const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
    console.log(`${ratios.length} programs, ${mean.toFixed(4)} times clang's size, ${loaded} loaded`);
    assert.ok(ratios.length > 20 && mean <= largestMean, `${mean.toFixed(4)} times clang's size`);
    if (kernel !== undefined) assert.ok(loaded > 20, `${loaded} loaded`);
  });
  test.after(async () => {
    kernel?.close();
    await compiler.close();
    rmSync(folder, { recursive: true, force: true });
  });
}

test.run();
