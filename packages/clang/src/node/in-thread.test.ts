/** The compiler in the caller's own thread, as a browser's worker would run it: without Buffer, and again after a trap. */

import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ClangRequest } from "../clang.ts";
import { createClang } from "../in-thread.ts";
import { loadProgramModule } from "./program-module.ts";

function request(text: string): ClangRequest {
  return {
    mainFile: "prog.c",
    files: new Map([["prog.c", text]]),
    includeDirs: [],
    preIncludes: [],
    defines: [],
    cpu: "v3",
    optLevel: 2,
  };
}

const clang = createClang({ loadModule: () => loadProgramModule(512 << 20), version: "test" });

test.after(() => clang.close());

test("it works where there is no Buffer, and leaves none behind", async () => {
  const scope = globalThis as { Buffer?: unknown };
  const buffer = scope.Buffer;
  // Node makes these when they are first touched, and needs its Buffer for that.
  assert.ok(Response && Request);
  const module = await loadProgramModule(512 << 20);
  delete scope.Buffer;
  try {
    const browser = createClang({ loadModule: () => Promise.resolve(module), version: "test" });
    const { ast } = await browser.parseAst(request("int answer;"));
    assert.is(ast.inner?.at(-1)?.["name"], "answer");
    assert.is(scope.Buffer, undefined);
  } finally {
    scope.Buffer = buffer;
  }
});

test("a used-up stack is told, and the next run works", async () => {
  for (let round = 0; round < 3; round++) {
    const text = `int f(int a) { return a${"+a".repeat(200_000)}; }`;
    const error = await clang.compileToIr(request(text)).catch((caught: unknown) => caught);
    assert.ok(error instanceof BpfkitError && error.code === "CC011", String(error));
    assert.is((await clang.parseAst(request("int answer;"))).ast.kind, "TranslationUnitDecl");
  }
});

test("many runs do not fill the memory", async () => {
  await clang.parseAst(request("int answer;"));
  const before = process.memoryUsage.rss();
  for (let round = 0; round < 40; round++) await clang.parseAst(request(`int answer${round};`));
  const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
  assert.ok(grown < 400, `${grown.toFixed(0)} MiB more`);
});

test.run();
