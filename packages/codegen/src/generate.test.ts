/** The back end as a whole: broken IR gives a diagnostic, and what BPF cannot do names the line of C. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError, InternalError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../test/support/native-tools.ts";
import { generate, lowerCoreAccess } from "./index.ts";

const testdata = join(import.meta.dirname, "../testdata");

function irOf(clang: string, file: string, ...more: string[]): string {
  const flags = [
    "-target",
    "bpf",
    "-mcpu=v3",
    "-O2",
    "-g",
    "-w",
    "-fno-slp-vectorize",
    "-emit-llvm",
    "-S",
    "-o",
    "-",
  ];
  return execFileSync(clang, [...flags, ...more, file], { encoding: "utf8", maxBuffer: 1 << 26 });
}

/** A generator of numbers below a bound, the same for the same seed. */
function randomNumbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * bound);
  };
}

/** Text with one kind of damage. */
function damage(text: string, random: (bound: number) => number): string {
  const lines = text.split("\n");
  switch (random(5)) {
    case 0:
      return text.slice(0, random(text.length));
    case 1: {
      const at = random(text.length);
      return text.slice(0, at) + String.fromCharCode(32 + random(95)) + text.slice(at + 1);
    }
    case 2:
      lines.splice(random(lines.length), 1 + random(3));
      return lines.join("\n");
    case 3:
      return text.replace(/![0-9]+/g, (found) => (random(60) === 0 ? `!${random(200)}` : found));
    default: {
      const others = ["i8", "i1", "i128", "ptr", "0", "-1", "%3", "[0 x i8]", "i33", "null"];
      return text.replace(/\b(i8|i16|i32|i64|ptr|%[0-9]+|[0-9]+)\b/g, (found) =>
        random(150) === 0 ? (others[random(others.length)] as string) : found,
      );
    }
  }
}

for (const name of ["arithmetic.c", "atomics.c", "core-access.c", "debug-types.c", "symbols.c", "values.c"]) {
  test(`damaged IR of ${name} gives a diagnostic or an object, never a crash`, () => {
    const clang = requireTool("clang-19");
    if (clang === undefined) return;
    const texts = [
      irOf(clang, join(testdata, name)),
      irOf(clang, join(testdata, name), "-Xclang", "-disable-llvm-passes"),
    ];
    const random = randomNumbers(name.length);
    for (let round = 0; round < 40; round++) {
      const broken = damage(texts[round % 2] as string, random);
      try {
        generate(lowerCoreAccess(broken), { cpu: "v3", mainFile: name });
      } catch (error) {
        if (!(error instanceof BpfkitError) || error instanceof InternalError) throw error;
      }
    }
  });
}

const refusals: readonly (readonly [name: string, c: string, line: number])[] = [
  ["floating point", "long f(long a) {\n  return a * 2.5;\n}", 2],
  ["a variable array", "int g(char *);\nint f(int n) {\n  char a[n];\n  return g(a);\n}", 3],
  ["a call through a pointer", "int f(int (*p)(void)) {\n  return 1 +\n    p();\n}", 3],
  [
    "a copy of unknown length",
    "void f(char *a, char *b, unsigned n) {\n\n  __builtin_memcpy(a, b, n);\n}",
    3,
  ],
  [
    "a comparison of unknown length",
    "int memcmp(const void *, const void *, unsigned long);\nint f(char *a, char *b, unsigned n) {\n  return memcmp(a, b, n);\n}",
    3,
  ],
  [
    "a computed jump",
    "int f(int i) {\n  static void *to[] = {&&a, &&b};\n  goto *to[i];\na:\n  return 1;\nb:\n  return 2;\n}",
    1,
  ],
  ["a vector", "typedef int v __attribute__((vector_size(16)));\nv f(v *a) {\n  return *a + a[1];\n}", 3],
  [
    "a division of 128-bit integers",
    "unsigned long f(unsigned __int128 a, unsigned long b) {\n  return a / b;\n}",
    2,
  ],
  ["a signed division", "int f(int a, int b) {\n  return a / b;\n}", 2],
  [
    "variable arguments",
    "int f(int n, ...) {\n  __builtin_va_list l;\n  __builtin_va_start(l, n);\n  return __builtin_va_arg(l, int);\n}",
    1,
  ],
  ["an atomic operation on 16 bits", "short f(short *p) {\n  return __sync_fetch_and_add(p, 1);\n}", 2],
  ["an atomic nand", "int f(int *p) {\n  return __sync_fetch_and_nand(p, 3);\n}", 2],
  ["a memory fence", "void f(void) {\n\n  __sync_synchronize();\n}", 3],
  ["an ordered load below v4", "int f(int *p) {\n  return __atomic_load_n(p, __ATOMIC_ACQUIRE);\n}", 2],
  ["an ordered store below v4", "void f(int *p) {\n  __atomic_store_n(p, 1, __ATOMIC_SEQ_CST);\n}", 2],
  ["a fill of unknown length", "void f(char *a, unsigned n) {\n  __builtin_memset(a, 0, n);\n}", 2],
  [
    "a stack that is too big",
    "void g(char *);\nvoid f(void) {\n  char a[500], b[99];\n  g(a), g(b), g(a);\n}",
    3,
  ],
  ["six arguments", "int f(int a, int b, int c, int d, int e, int g) {\n  return a + g;\n}", 1],
];

for (const [name, c, line] of refusals) {
  test(`refused with the line of C: ${name}`, () => {
    const clang = requireTool("clang-19");
    if (clang === undefined) return;
    const folder = mkdtempSync(join(tmpdir(), "bpfkit-refusal-"));
    try {
      const file = join(folder, "refused.c");
      writeFileSync(file, c);
      try {
        generate(irOf(clang, file), { cpu: "v3", mainFile: "refused.c" });
        assert.unreachable("not refused");
      } catch (error) {
        assert.instance(error, BpfkitError);
        const { code, diagnostics } = error as BpfkitError;
        assert.match(code, /^CG1/);
        // Below the working folder's parent clang writes the name relative to that parent.
        assert.ok(file.endsWith(diagnostics[0]?.range?.file ?? "none"), diagnostics[0]?.range?.file);
        assert.is(diagnostics[0]?.range?.line, line);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();
