/** Every optimisation level: bpfkit's clang and code generator give what the host computes, and not much more code than clang-19. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createNodeClang } from "@bpfkit/clang/node";
import { generate, lowerCoreAccess } from "@bpfkit/codegen";
import { rewriteSource } from "bpfkit";
import { Builder } from "bpfkit/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { objectFacts } from "../corpus/codegen/compare.ts";
import { NativeUnit } from "../support/native-build.ts";
import { requireTool } from "../support/native-tools.ts";
import { compareWithHost, source } from "./arithmetic-lab.ts";

const levels = [0, 1, 2, "s"] as const;
const test = suite("optimisation levels");
const clang = createNodeClang();
test.after(() => clang.close());

const builders = levels.map((optLevel) => new Builder({ cache: false, optLevel }));
test.after(async () => {
  for (const builder of builders) await builder.close();
});

/** Instructions of bpfkit's object and of clang-19's for the same text, headers and level. */
async function sizes(
  native: string,
  builder: Builder,
  optLevel: (typeof levels)[number],
): Promise<[number, number]> {
  const file = "endian.bpf.c";
  const path = join(import.meta.dirname, "../libbpf/programs", file);
  const text = readFileSync(path, "utf8");
  const options = { cpu: "v3", optLevel, defines: [], includeDirs: [] } as const;
  const { unit, rewritten } = await rewriteSource({ file, text }, builder.profile, clang, options);
  const oracle = new NativeUnit(unit.codeRequest(rewritten));
  try {
    const theirs = objectFacts(oracle.build(native), file).instructions;
    const { object } = await builder.compile({ file, text });
    return [objectFacts(object, file).instructions, theirs];
  } finally {
    oracle.close();
  }
}

for (const [index, level] of levels.entries()) {
  test(`-O${level} is not much larger than clang's`, async () => {
    const native = requireTool("clang-19");
    const builder = builders[index];
    if (native === undefined || builder === undefined) return;
    const [ours, theirs] = await sizes(native, builder, level);
    assert.ok(ours <= 1.1 * theirs, `${ours} instructions, clang's has ${theirs}`);
    if (process.env["BPFKIT_SIZES"] !== undefined) console.log(`-O${level}: ${ours}, clang ${theirs}`);
  });
}

for (const level of levels) {
  test(`-O${level} computes what the host computes`, async () => {
    const native = requireTool("clang-19");
    if (native === undefined) return;
    const mainFile = "arithmetic.c";
    const options = { cpu: "v4", optLevel: level } as const;
    const { ir } = await clang.compileToIr({
      mainFile,
      files: new Map([[mainFile, readFileSync(source, "utf8")]]),
      includeDirs: [],
      preIncludes: [],
      defines: [],
      ...options,
    });
    const optimised = await clang.optimiseIr(lowerCoreAccess(ir), options);
    const result = generate(optimised.ir, { cpu: "v4", mainFile });
    compareWithHost(result, native);
  });
}

test.run();
