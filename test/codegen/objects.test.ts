/** Objects made of C with every kind of symbol, section, atomic and wide value, against native clang's. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "@bpfkit/codegen";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { typeDifference } from "../corpus/codegen/compare.ts";
import { differences, factsOf } from "../corpus/llvm/compare.ts";
import { requireTool } from "../support/native-tools.ts";

const testdata = join(import.meta.dirname, "../../packages/codegen/testdata");
const levels = ["v1", "v2", "v3", "v4"] as const;
type Level = (typeof levels)[number];

const clang = requireTool("clang-19");
const llc = requireTool("llc-19");
const bpftool = requireTool("bpftool");

/** How bpfkit's object of an IR text differs from a native one in a file; empty where it does not. */
function differs(ir: string, cpu: Level, nativeFile: string, types: boolean): string[] {
  const { bytes } = generate(ir, { cpu, mainFile: "test.c" });
  const native = new Uint8Array(readFileSync(nativeFile));
  const found = differences(factsOf(bytes, "ours"), factsOf(native, "native")).map(
    ({ check, message }) => `${check}: ${message}`,
  );
  if (!types || bpftool === undefined) return found;
  const ours = `${nativeFile}.ours`;
  writeFileSync(ours, bytes);
  const dump = (file: string): string =>
    execFileSync(bpftool, ["-j", "btf", "dump", "file", file], { encoding: "utf8" });
  const difference = typeDifference(dump(ours), dump(nativeFile));
  return difference === undefined ? found : [...found, `btf: ${difference}`];
}

function inFolder(run: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-objects-"));
  try {
    run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (clang !== undefined && bpftool !== undefined) {
  const files: readonly (readonly [name: string, cpus: readonly Level[], options: readonly string[]])[] = [
    ["symbols.c", levels, []],
    ["values.c", levels, []],
    ["atomics.c", levels, []],
    ["atomics.c", ["v3", "v4"], ["-DNARROW"]],
  ];
  for (const [name, cpus, more] of files) {
    test(`${[name, ...more].join(" ")} becomes the object that clang makes`, () => {
      inFolder((folder) => {
        for (const cpu of cpus) {
          const options = [
            "-target",
            "bpf",
            "-O2",
            "-g",
            "-w",
            `-mcpu=${cpu}`,
            ...more,
            join(testdata, name),
          ];
          const native = join(folder, "native.o");
          execFileSync(clang, [...options, "-c", "-o", native]);
          const ir = execFileSync(clang, [...options, "-S", "-emit-llvm", "-o", "-"], { encoding: "utf8" });
          assert.equal(differs(ir, cpu, native, true), [], cpu);
        }
      });
    });
  }
}

/** Aliases; clang-19 itself crashes on C with them. */
const aliases = `
@base = global i32 3, align 4
@pair = global { i32, i64 } { i32 1, i64 2 }, align 8
@inner = internal global i32 5, align 4
@same = alias i32, ptr @base
@weak = weak alias i32, ptr @base
@second = alias i64, getelementptr inbounds (i8, ptr @pair, i64 8)
@local = internal alias i32, ptr @inner
@doubled = alias i64 (i64), ptr @twice
@hidden = hidden alias i64 (i64), ptr @twice
define i64 @twice(i64 %a) noinline {
  %r = shl i64 %a, 1
  ret i64 %r
}
define i64 @use(i64 %a) {
  %x = call i64 @doubled(i64 %a)
  %s = load i64, ptr @second
  %l = load i32, ptr @local
  %z = zext i32 %l to i64
  %t = add i64 %x, %s
  %u = add i64 %t, %z
  ret i64 %u
}
`;

if (llc !== undefined) {
  test("aliases take over kind, place and size of what they stand for", () => {
    inFolder((folder) => {
      const native = join(folder, "native.o");
      const options = ["-mtriple=bpfel", "-mcpu=v3", "-filetype=obj", "-o", native];
      execFileSync(llc, options, { input: aliases });
      assert.equal(differs(aliases, "v3", native, false), []);
    });
  });
}

test("loads with acquire and stores with release are v4's instructions", () => {
  const ir = `
define i16 @get(ptr %p) {
  %q = getelementptr i8, ptr %p, i64 8
  %v = load atomic i16, ptr %q acquire, align 2
  ret i16 %v
}
define void @put(ptr %p, i64 %v) {
  store atomic i64 %v, ptr %p release, align 8
  ret void
}
`;
  const { object } = generate(ir, { cpu: "v4", mainFile: "test.c" });
  const text = object.sections.find(({ name }) => name === ".text")?.data ?? new Uint8Array();
  const code = Buffer.from(text).toString("hex").match(/.{16}/g) ?? [];
  assert.equal(code, ["cb10080000010000", "9500000000000000", "db21000010010000", "9500000000000000"]);
  for (const cpu of ["v1", "v2", "v3"] as const)
    assert.throws(() => generate(ir, { cpu, mainFile: "test.c" }), /needs -mcpu=v4/);
});

test.run();
