/** Compiled code in both engines of the VM against the same C on the host: wide integers, overflow, switches, structs. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GenerateResult } from "@bpfkit/codegen";
import { generate } from "@bpfkit/codegen";
import { decodeInstructions } from "@bpfkit/elf/isa";
import { RelocationType } from "@bpfkit/elf/object";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { engines, Lab } from "../../packages/vm/src/testdata/lab.ts";
import { requireTool } from "../support/native-tools.ts";

const source = join(import.meta.dirname, "../../packages/codegen/testdata/arithmetic.c");

/** Numbers on the edges of widths, and two without any pattern. */
const samples = [
  0n,
  1n,
  9n,
  26n,
  31n,
  0x35n,
  0x7fn,
  0x80n,
  0xffn,
  4999n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff9n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0x0123_4567_89ab_cdefn,
  0xdead_beef_1234_5678n,
];

/** Results of all functions on all pairs of samples as the host computes them, in the order of the loops below. */
function hostResults(clang: string, names: readonly string[]): bigint[] {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-arithmetic-"));
  try {
    const calls = names.map(
      (name) => `  for (int i = 0; i < n; i++) for (int j = 0; j < n; j++)
    printf("%llu\\n", ${name}(s[i], s[j]));`,
    );
    writeFileSync(
      join(folder, "driver.c"),
      `#include <stdio.h>
typedef unsigned long long u64;
${names.map((name) => `u64 ${name}(u64, u64);`).join("\n")}
u64 s[] = {${samples.map((each) => `${each}ull`).join(", ")}};
int main(void) { int n = ${samples.length};\n${calls.join("\n")}\n}\n`,
    );
    execFileSync(clang, ["-O1", "-w", "-o", join(folder, "driver"), join(folder, "driver.c"), source]);
    const text = execFileSync(join(folder, "driver"), { encoding: "utf8", maxBuffer: 1 << 26 });
    return text.trim().split("\n").map(BigInt);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A program that loads two numbers from its context, calls a function of .text and returns its result. */
function link(result: GenerateResult, name: string, lab: Lab): Uint8Array {
  const { sections, symbols } = result.object;
  const text = sections.find((each) => each.name === ".text");
  const entry = symbols.find((each) => each.name === name);
  if (text === undefined || entry === undefined) throw new Error(`no function ${name}`);
  // r2 = *(u64 *)(r1 + 8); r1 = *(u64 *)(r1 + 0); call; exit
  const head = [
    0x79, 0x12, 8, 0, 0, 0, 0, 0, 0x79, 0x11, 0, 0, 0, 0, 0, 0, 0x85, 0x10, 0, 0, 0, 0, 0, 0, 0x95,
  ];
  const code = new Uint8Array(32 + text.data.length);
  code.set(head);
  code.set(text.data, 32);
  const view = new DataView(code.buffer);
  view.setInt32(20, 1 + entry.value / 8, true);
  for (const relocation of text.relocations) {
    const symbol = symbols[relocation.symbol];
    const at = 32 + relocation.offset;
    if (symbol === undefined || typeof symbol.section !== "number") throw new Error("an undefined symbol");
    const addend = symbol.type === "section" ? view.getInt32(at + 4, true) : 0;
    if (relocation.type === RelocationType.R_BPF_64_32) {
      const target = symbol.type === "section" ? (addend + 1) * 8 : symbol.value;
      view.setInt32(at + 4, (target - relocation.offset) / 8 - 1, true);
      continue;
    }
    const data = sections[symbol.section]?.data ?? new Uint8Array();
    const address = lab.world.memory.addressOf(lab.context(data)) + BigInt(symbol.value + addend);
    view.setUint32(at + 4, Number(address & 0xffff_ffffn), true);
    view.setUint32(at + 12, Number(address >> 32n), true);
  }
  return code;
}

for (const cpu of ["v2", "v3", "v4"] as const) {
  test(`compiled functions compute what the host computes, -mcpu=${cpu}`, () => {
    const clang = requireTool("clang-19");
    if (clang === undefined) return;
    const compile = [
      "-target",
      "bpf",
      "-O2",
      "-g",
      "-w",
      "-fno-slp-vectorize",
      "-emit-llvm",
      "-S",
      "-o",
      "-",
    ];
    const ir = execFileSync(clang, [...compile, source], { encoding: "utf8" });
    const result = generate(ir, { cpu, mainFile: "arithmetic.c" });
    const names = result.module.functions
      .filter((fn) => fn.blocks.length > 0 && fn.linkage === "external")
      .map((fn) => fn.name);
    assert.ok(names.length > 25);
    const expected = hostResults(clang, names);
    for (const engine of engines) {
      let index = 0;
      for (const name of names) {
        const lab = new Lab(engine);
        const program = lab.load(decodeInstructions(link(result, name, lab)), { rules: "isa" });
        const context = lab.context(new Uint8Array(16));
        const view = new DataView(lab.world.memory.u8.buffer, context, 16);
        for (const a of samples) {
          for (const b of samples) {
            view.setBigUint64(0, a, true);
            view.setBigUint64(8, b, true);
            const actual = BigInt.asUintN(64, program.run(lab.world.memory.addressOf(context)));
            const wanted = expected[index++];
            if (actual !== wanted)
              assert.unreachable(`${engine}: ${name}(${a}, ${b}) is ${actual}, not ${wanted}`);
          }
        }
      }
    }
  });
}

test.run();
