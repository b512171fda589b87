/** The preparation passes against native clang: prepared and original IR compute the same on the host. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import type { IrModule } from "../ir/index.ts";
import { parseIr, printModule } from "../ir/index.ts";
import { prepareModule } from "./prepare.ts";

const source = join(import.meta.dirname, "../../testdata/arithmetic.c");

/** Numbers that sit on the edges of widths, and some without any pattern. */
const samples = [
  0n,
  1n,
  2n,
  9n,
  10n,
  25n,
  31n,
  0x35n,
  0x7fn,
  0x80n,
  0xffn,
  1000n,
  4999n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0xffff_fff9n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0x0123_4567_89ab_cdefn,
  0xdead_beef_1234_5678n,
];

/** What no prepared function may contain. Memory for 128-bit integers may stay. */
const unwanted = [
  /(?<!alloca )i128/,
  /with\.overflow/,
  /llvm\.(ct|fsh|bitreverse|u?s?(add|sub)\.sat)/,
  / switch /,
  /insertvalue/,
  /@memcmp\(/,
];

/** A main function that calls every function on every pair of samples; a line sums up all partners of one sample. */
function driver(names: readonly string[]): string {
  const numbers = samples.map((each) => `${each}ull`).join(", ");
  const calls = names.map(
    (name) => `  h = 0; for (int j = 0; j < n; j++) h = (h ^ ${name}(a, s[j])) * 0x9e3779b97f4a7c15ull;
  printf("${name} %llx %llx\\n", a, h);`,
  );
  return `#include <stdio.h>
typedef unsigned long long u64;
${names.map((name) => `u64 ${name}(u64, u64);`).join("\n")}
u64 s[] = {${numbers}};
int main(void) { int n = ${samples.length}; for (int i = 0; i < n; i++) {
  u64 a = s[i], h;
${calls.join("\n")}
} return 0; }
`;
}

/** Text for the host: the data layouts differ in nothing that the functions can see. */
function forHost(text: string): string {
  return text
    .replace(/^target .*$/gm, "")
    .replace(/"target-(cpu|features)"="[^"]*"/g, "")
    .replace(/(tail )?call i1 @llvm\.bpf\.passthrough\.i1\.i1\(i32 [0-9]+, /g, "freeze ")
    .replace(/(= freeze i1 [^ ,)]+)\)/g, "$1");
}

function runOnHost(clang: string, folder: string, name: string, irText: string, driverFile: string): string {
  const ir = join(folder, `${name}.ll`);
  writeFileSync(ir, forHost(irText));
  const program = join(folder, name);
  execFileSync(clang, ["-O0", "-w", driverFile, "-x", "ir", ir, "-o", program], { stdio: "pipe" });
  return execFileSync(program, { encoding: "utf8", maxBuffer: 1 << 26 });
}

function functionNames(module: IrModule): string[] {
  return module.functions
    .filter((fn) => fn.blocks.length > 0 && fn.linkage === "external")
    .map((fn) => fn.name);
}

/** Prepared and original IR give the same on all samples, and no prepared function has what it must not have. */
function compare(clang: string, text: string, gone: readonly RegExp[]): void {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-prepare-"));
  try {
    const module = parseIr(text, "arithmetic.c");
    const driverFile = join(folder, "driver.c");
    writeFileSync(driverFile, driver(functionNames(module)));
    prepareModule(module);
    const prepared = printModule(module);
    const code = forHost(prepared).replace(/^(declare|!).*$/gm, "");
    for (const pattern of gone) assert.not.match(code, pattern);
    const expected = runOnHost(clang, folder, "original", text, driverFile);
    const actual = runOnHost(clang, folder, "prepared", prepared, driverFile);
    const wrong = actual.split("\n").filter((line, index) => line !== expected.split("\n")[index]);
    assert.equal(wrong.slice(0, 5), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const level of ["-O1", "-O2"]) {
  test(`prepared IR computes what ${level} IR computes`, () => {
    const clang = requireTool("clang-19");
    if (clang === undefined) return;
    const compile = [
      "-target",
      "bpf",
      level,
      "-g",
      "-fno-jump-tables",
      "-fno-slp-vectorize",
      "-emit-llvm",
      "-S",
      "-o",
      "-",
      source,
    ];
    compare(clang, execFileSync(clang, compile, { encoding: "utf8" }), unwanted);
  });
}

test("switches over powers of two are compares again", () => {
  const clang = requireTool("clang-19");
  if (clang === undefined) return;
  const text = readFileSync(join(import.meta.dirname, "../../testdata/power-switch.ll"), "utf8");
  // What is left of the counts when they are expanded: masks of every second bit.
  compare(clang, text, [...unwanted, /0x5555|1431655765|6148914691236517205/]);
});

test("bounds that were taken out of loops are compared with one by one again", () => {
  const clang = requireTool("clang-19");
  if (clang === undefined) return;
  const text = readFileSync(join(import.meta.dirname, "../../testdata/hoisted-bounds.ll"), "utf8");
  // Only the compare in another order than the choice's keeps its choice.
  const [split, kept] = text.split(/^; The order.*\n/m) as [string, string];
  compare(clang, split, [...unwanted, /call .*@llvm\.[su](min|max)/]);
  const module = parseIr(text, "bounds.c");
  prepareModule(module);
  assert.is(printModule(module).match(/call .*@llvm\.[su](?:min|max)/g)?.length, 1);
  compare(clang, `${split.slice(0, split.indexOf("define"))}${kept}`, unwanted);
});

test.run();
