/** Jumps out of inline assembly and over more than 32767 instructions, run in both engines of the VM. */
import { execFileSync } from "node:child_process";
import { generate } from "@bpfkit/codegen";
import { Collection, CollectionSpec } from "@bpfkit/loader";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { boot } from "../vm/boot.ts";

const clang = requireTool("clang-19");

function irOf(clangPath: string, text: string): string {
  const options = [
    "-target",
    "bpf",
    "-O2",
    "-g",
    "-w",
    "-mcpu=v4",
    "-S",
    "-emit-llvm",
    "-x",
    "c",
    "-o",
    "-",
    "-",
  ];
  return execFileSync(clangPath, options, { input: text, encoding: "utf8", maxBuffer: 64 << 20 });
}

/** What a program of an object returns for numbers in its context, in both engines. */
function results(bytes: Uint8Array, inputs: readonly (readonly bigint[])[]): number[][] {
  return (["interpreter", "jit"] as const).map((engine) => {
    const collection = Collection.load(CollectionSpec.fromObject(bytes, "jumps"), boot("exec", engine));
    const [program] = collection.programs.values();
    assert.ok(program);
    const answers = inputs.map((numbers) => {
      const context = new Uint8Array(BigUint64Array.from(numbers).buffer);
      return program.testRun({ context }).returnValue;
    });
    collection.close();
    return answers;
  });
}

const start = `typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
char _license[] SEC("license") = "GPL";
SEC("syscall") int program(u64 *c) {
  u64 a = c[0], b = c[1], r;
`;

/** The body of a program on a, b and r; what it returns. */
const bodies: readonly (readonly [name: string, body: string, expected: (a: bigint, b: bigint) => bigint])[] =
  [
    [
      "an output on both ways",
      `asm goto("%0 = %1; if %1 > %2 goto %l[big]; %0 += 5" : "=&r"(r) : "r"(a), "r"(b) :: big);
  return r + 1;
big:
  return r * 2;`,
      (a, b) => (a > b ? a * 2n : a + 6n),
    ],
    [
      "an output that is kept on the stack, and all registers destroyed",
      `u64 d = c[0] * 3, e = c[1] * 5, f = c[0] ^ c[1], g = c[0] + 7;
  asm goto("r0 = %1; if r0 > %2 goto %l[big]; %0 = 1; goto 1f; big%=: 1: %0 = 4" : "=&r"(r) : "r"(a), "r"(b) : "r0", "r1", "r2", "r3", "r4", "r5", "r6" : big);
  asm volatile("" ::: "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9");
  return r + d + e + f + g;
big:
  asm volatile("" ::: "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9");
  return d + e + f + g;`,
      (a, b) => (a > b ? 0n : 4n) + a * 3n + b * 5n + (a ^ b) + a + 7n,
    ],
    [
      "several labels, and phis behind them",
      `u64 x = 1, y = 2;
  asm goto("if %0 == 7 goto %l[seven]; if %0 == 8 goto %l[eight]" :: "r"(a) :: seven, eight);
  x = b; goto end;
seven: y = b + 1;
eight: x = y * 3;
end: return x * 10 + y;`,
      (a, b) => (a === 7n ? (b + 1n) * 31n : a === 8n ? 62n : b * 10n + 2n),
    ],
  ];

const inputs = [
  [7n, 3n],
  [8n, 9n],
  [3n, 3n],
  [100n, 2n],
] as const;

if (clang !== undefined) {
  for (const [name, body, expected] of bodies) {
    test(`asm goto: ${name}`, () => {
      const ir = irOf(clang, `${start}${body}\n}\n`);
      const wanted = inputs.map(([a, b]) => Number(BigInt.asUintN(32, expected(a, b))));
      for (const cpu of ["v2", "v3", "v4"] as const) {
        const { bytes } = generate(ir, { cpu, mainFile: "jumps.c" });
        assert.equal(results(bytes, inputs), [wanted, wanted], cpu);
      }
    });
  }
}

/** A program with a loop around, and branches over, \`count\` stores; it returns how often it went which way. */
function farProgram(count: number): string {
  const stores = Array.from(
    { length: count },
    (_, index) => `  store volatile i64 ${index + 1}, ptr %slot, align 8`,
  );
  return `@_license = constant [4 x i8] c"GPL\\00", section "license"
define i32 @program(ptr %c) section "syscall" {
entry:
  %slot = alloca i64, align 8
  %rounds = load i64, ptr %c, align 8
  %q = getelementptr i8, ptr %c, i64 8
  %limit = load i64, ptr %q, align 8
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %join ]
  %s = phi i64 [ 0, %entry ], [ %sum, %join ]
  %low = icmp ult i64 %i, %limit
  br i1 %low, label %long, label %short
long:
${stores.join("\n")}
  %kept = load volatile i64, ptr %slot, align 8
  br label %join
short:
  br label %join
join:
  %part = phi i64 [ %kept, %long ], [ 1, %short ]
  %sum = add i64 %s, %part
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %rounds
  br i1 %more, label %loop, label %out
out:
  %r = trunc i64 %sum to i32
  ret i32 %r
}
`;
}

test("jumps beyond 16 bits are long ones from v4 on", () => {
  const count = 40_000;
  const { bytes } = generate(farProgram(count), { cpu: "v4", mainFile: "far.c" });
  const wanted = [1, count + 2, 2 * count];
  const cases = [
    [1n, 0n],
    [3n, 1n],
    [2n, 9n],
  ] as const;
  assert.equal(results(bytes, cases), [wanted, wanted]);
});

test("jumps beyond 16 bits are refused below v4", () => {
  for (const cpu of ["v1", "v2", "v3"] as const) {
    assert.throws(
      () => generate(farProgram(40_000), { cpu, mainFile: "far.c" }),
      (error: { code: string; message: string }) => error.code === "CG105" && /program/.test(error.message),
    );
  }
});

test.run();
