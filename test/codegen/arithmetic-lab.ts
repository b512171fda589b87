/** Runs the functions of packages/codegen/testdata/arithmetic.c: as the host compiles them, and compiled for BPF in both engines. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GenerateResult } from "@bpfkit/codegen";
import { decodeInstructions } from "@bpfkit/elf/isa";
import { RelocationType } from "@bpfkit/elf/object";
import * as assert from "uvu/assert";
import { engines, Lab } from "../../packages/vm/src/testdata/lab.ts";

/** The C file: functions of two numbers. */
export const source = join(import.meta.dirname, "../../packages/codegen/testdata/arithmetic.c");

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

type Placed = GenerateResult["emitted"]["functions"][number];

/** A program that loads two numbers from its context, calls a function of .text and returns its result. */
function link(result: GenerateResult, name: string, lab: Lab): Uint8Array {
  const { sections, symbols } = result.object;
  const text = sections.find((each) => each.name === ".text");
  const functions = result.emitted.functions.filter(({ section }) => section === ".text");
  const entry = functions.find(({ fn }) => fn.name === name);
  if (text === undefined || entry === undefined) throw new Error(`no function ${name}`);
  const of = (place: number) =>
    functions.find(({ offset, size }) => place >= offset && place < offset + size) as Placed;
  // r2 = *(u64 *)(r1 + 8); r1 = *(u64 *)(r1 + 0); call; exit
  const head = [
    0x79, 0x12, 8, 0, 0, 0, 0, 0, 0x79, 0x11, 0, 0, 0, 0, 0, 0, 0x85, 0x10, 0, 0, 1, 0, 0, 0, 0x95,
  ];
  const code = new Uint8Array(32 + text.data.length);
  code.set(head);
  const view = new DataView(code.buffer);
  /** Where the functions that are called went: entry first, and nothing that is not called. */
  const places = new Map<Placed, number>();
  let end = 32;
  const place = (fn: Placed): number => {
    const known = places.get(fn);
    if (known !== undefined) return known;
    const at = end;
    places.set(fn, at);
    code.set(text.data.subarray(fn.offset, fn.offset + fn.size), at);
    end += fn.size;
    return at;
  };
  place(entry);
  const relocated = new Set(text.relocations.map(({ offset }) => offset));
  const old = new DataView(text.data.buffer, text.data.byteOffset, text.data.byteLength);
  for (const [fn, start] of places) {
    // Calls of static functions are settled already, by distance.
    for (let offset = fn.offset; offset < fn.offset + fn.size; offset += 8) {
      if (old.getUint8(offset) === 0x18) offset += 8;
      else if (old.getUint16(offset, true) === 0x1085 && !relocated.has(offset)) {
        const at = start + offset - fn.offset;
        const target = offset + 8 * (old.getInt32(offset + 4, true) + 1);
        view.setInt32(at + 4, (place(of(target)) - at) / 8 - 1, true);
      }
    }
    for (const { offset, type, symbol: index } of text.relocations) {
      if (of(offset) !== fn) continue;
      const symbol = symbols[index];
      const at = start + offset - fn.offset;
      if (symbol === undefined || typeof symbol.section !== "number") throw new Error("an undefined symbol");
      const addend = symbol.type === "section" ? view.getInt32(at + 4, true) : 0;
      if (type === RelocationType.R_BPF_64_32) {
        const target = symbol.type === "section" ? (addend + 1) * 8 : symbol.value;
        view.setInt32(at + 4, (place(of(target)) - at) / 8 - 1, true);
        continue;
      }
      const data = sections[symbol.section]?.data ?? new Uint8Array();
      const address = lab.world.memory.addressOf(lab.context(data)) + BigInt(symbol.value + addend);
      view.setUint32(at + 4, Number(address & 0xffff_ffffn), true);
      view.setUint32(at + 12, Number(address >> 32n), true);
    }
  }
  return code.slice(0, end);
}

/**
 * Runs every function of a compiled arithmetic.c on all pairs of samples in both engines.
 * @throws AssertionError naming function and numbers where a result is not the host's
 */
export function compareWithHost(result: GenerateResult, clang: string): void {
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
}
