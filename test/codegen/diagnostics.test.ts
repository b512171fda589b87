/** What BPF cannot do is said once, with its code, on the user's line. Where clang refuses too, it names the same line. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { generate } from "@bpfkit/codegen";
import { Builder } from "bpfkit/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";

interface Case {
  readonly name: string;
  readonly code: string;
  /** What the message has to say. */
  readonly says: RegExp;
  /** The line to blame has the word HERE in a comment. */
  readonly text: string;
  /** True where clang-19 has to blame the same line; false where it says nothing, crashes, or names another. */
  readonly native: boolean;
}

const cases: readonly Case[] = [
  {
    name: "a stack that is too big",
    code: "CG102",
    says: /function p takes 5\d\d bytes; BPF allows 512\. Biggest: "name" \(400 bytes\), "table" \(160 bytes\), "small" \(4 bytes\)/,
    text: `static int (*probe)(void *, int, const void *) = (void *)113;
SEC("kprobe/x") int p(void *ctx) {
  char name[400]; // HERE
  struct { long a[20]; } table;
  int small;
  probe(name, 400, ctx);
  probe(&table, 160, ctx);
  probe(&small, 4, ctx);
  return name[3] + table.a[2] + small;
}`,
    native: false,
  },
  {
    name: "a call with six arguments",
    code: "CG103",
    says: /a call has 6 arguments; BPF passes at most 5/,
    text: `extern int six(int, int, int, int, int, int) __attribute__((section(".ksyms")));
SEC("kprobe/x") int p(int *ctx) {
  return six(1, 2, 3, 4, 5, ctx[0]); // HERE
}`,
    native: true,
  },
  {
    name: "a function with six parameters",
    code: "CG103",
    says: /a function has 6 parameters/,
    text: `int six(int a, int b, int c, int d, int e, int f) { return a + b + c + d + e + f; } // HERE
SEC("kprobe/x") int p(int *ctx) { return 0; }`,
    native: true,
  },
  {
    name: "memset of a length known at run time",
    code: "CG107",
    says: /memset with a length known only at run time/,
    text: `void use(void *);
SEC("kprobe/x") int p(int *ctx) {
  char buffer[64];
  __builtin_memset(buffer, 0, ctx[0] & 63); // HERE
  use(buffer);
  return 0;
}`,
    native: true,
  },
  {
    name: "memcpy of a length known at run time",
    code: "CG107",
    says: /memcpy with a length known only at run time/,
    text: `void use(void *); char from[64];
SEC("kprobe/x") int p(int *ctx) {
  char buffer[64];
  __builtin_memcpy(buffer, from, ctx[0] & 63); // HERE
  use(buffer);
  return 0;
}`,
    native: true,
  },
  {
    name: "floating point",
    code: "CG108",
    says: /BPF has no floating point/,
    text: `SEC("kprobe/x") int p(int *ctx) {
  return ctx[0] * 0.5f; // HERE
}`,
    native: true,
  },
  {
    name: "an array of a length known at run time",
    code: "CG106",
    says: /an array on the stack has a length that is not constant/,
    text: `void use(void *);
SEC("kprobe/x") int p(int *ctx) {
  char buffer[ctx[0]]; // HERE
  use(buffer);
  return 0;
}`,
    native: true,
  },
  {
    name: "alloca",
    code: "CG106",
    says: /not constant/,
    text: `void use(void *);
SEC("kprobe/x") int p(int *ctx) {
  use(__builtin_alloca(ctx[0])); // HERE
  return 0;
}`,
    native: true,
  },
  {
    name: "a call through a pointer",
    code: "CG109",
    says: /BPF has no indirect calls/,
    text: `int (*volatile chosen)(int);
SEC("kprobe/x") int p(int *ctx) {
  return chosen(ctx[0]); // HERE
}`,
    native: false,
  },
  {
    name: "signed division below v4",
    code: "CG104",
    says: /signed division and remainder need -mcpu=v4/,
    text: `SEC("kprobe/x") int p(int *ctx) {
  return ctx[0] / ctx[1]; // HERE
}`,
    native: true,
  },
  {
    name: "an atomic operation on a byte",
    code: "CG111",
    says: /atomic operations on 8 bits/,
    text: `SEC("kprobe/x") int p(char *ctx) {
  return __sync_fetch_and_add(ctx, 1); // HERE
}`,
    native: true,
  },
  {
    name: "inline assembly with an unknown mnemonic",
    code: "CG110",
    says: /line 2: "frobnicate r\d" is not an instruction/,
    text: `SEC("kprobe/x") int p(int *ctx) {
  int x = ctx[0];
  asm volatile("r0 = 1\\n frobnicate %0" : "+r"(x)); // HERE
  return x;
}`,
    native: true,
  },
  {
    name: "inline assembly that jumps to no label",
    code: "CG110",
    says: /line 1: there is no label nowhere/,
    text: `SEC("kprobe/x") int p(int *ctx) {
  asm volatile("goto nowhere"); // HERE
  return 0;
}`,
    native: false,
  },
  {
    name: "a trap that is left",
    code: "CG113",
    says: /code that must not be reached is left/,
    text: `SEC("kprobe/x") int p(int *ctx) {
  if (ctx[0])
    __builtin_trap(); // HERE
  return 0;
}`,
    native: true,
  },
  {
    name: "a jump that is too far",
    code: "CG105",
    says: /a jump in function p is further than 32767 instructions/,
    text: `SEC("kprobe/x") int p(volatile int *ctx) {
  if (ctx[0]) { // HERE
${"    ctx[1] = ctx[2] + 1;\n".repeat(11_000)}  }
  return 0;
}`,
    native: false,
  },
  {
    name: "a computed goto",
    code: "CG101",
    says: /a computed goto: BPF has no indirect jumps/,
    text: `SEC("kprobe/x") int p(volatile int *ctx) { // HERE
  static void *const ways[] = { &&one, &&two };
  goto *ways[ctx[0] & 1];
one:
  return ctx[1];
two:
  return ctx[2] + 1;
}`,
    native: false,
  },
  {
    name: "a compiler intrinsic that BPF cannot have",
    code: "CG101",
    says: /llvm\.returnaddress/,
    text: `SEC("kprobe/x") int p(char *ctx) {
  return (long)__builtin_return_address(0); // HERE
}`,
    native: false,
  },
];

const prologue = "#define SEC(name) __attribute__((section(name), used))\n";
const test = suite("diagnostics of the code generator");
const builder = new Builder({ cache: false });
test.after(() => builder.close());

async function refusalOf(text: string): Promise<BpfkitError> {
  try {
    await builder.compile({ file: "program.bpf.c", text });
  } catch (error) {
    if (error instanceof BpfkitError) return error;
    throw error;
  }
  throw new Error("it was built");
}

function marked(text: string): number {
  return text.split("\n").findIndex((line) => line.includes("HERE")) + 1;
}

/** The lines that clang's errors name. */
function nativeLines(clang: string, text: string): number[] {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-diagnostics-"));
  try {
    const file = join(folder, "program.bpf.c");
    writeFileSync(file, text);
    const args = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-w", "-c", file, "-o", join(folder, "out.o")];
    const { stderr } = spawnSync(clang, args, { encoding: "utf8", cwd: folder });
    return [...stderr.matchAll(/program\.bpf\.c:(\d+):\d+: error:/g)].map(([, line]) => Number(line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const { name, code, says, text, native } of cases) {
  test(name, async () => {
    const whole = `${prologue}${text}\n`;
    const line = marked(whole);
    const error = await refusalOf(whole);
    assert.is(error.code, code, error.message);
    assert.match(error.message, says);
    assert.is(error.diagnostics.length, 1, "one diagnostic");
    assert.equal(
      error.diagnostics.map(({ code, range }) => ({ code, file: range?.file, line: range?.line })),
      [{ code, file: "program.bpf.c", line }],
    );
    const clang = native ? requireTool("clang-19") : undefined;
    if (clang !== undefined)
      assert.ok(nativeLines(clang, whole).includes(line), "clang blames the same line");
  });
}

test("the biggest variables are pointed at", async () => {
  const error = await refusalOf(`${prologue}${cases[0]?.text}\n`);
  const notes = error.diagnostics[0]?.notes ?? [];
  assert.equal(
    notes.map(({ range, message }) => [range?.line, message]),
    [
      [5, '"table" (160 bytes) is here'],
      [6, '"small" (4 bytes) is here'],
    ],
  );
});

test("every function's error is told, and an inlined one once", async () => {
  const error = await refusalOf(`${prologue}
SEC("kprobe/x") int a(int *ctx) { return ctx[0] / ctx[1]; }
static inline __attribute__((always_inline)) int half(int *ctx) { return ctx[0] * 0.5f; }
SEC("kprobe/x") int b(int *ctx) { return half(ctx); }
SEC("kprobe/x") int c(int *ctx) { return half(ctx) + 1; }
`);
  assert.equal(
    error.diagnostics.map(({ code, range }) => [code, range?.line]),
    [
      ["CG104", 3],
      ["CG108", 4],
    ],
  );
});

test("a function that nothing defines is warned of at its call; weak ones and the kernel's are not", async () => {
  const { diagnostics } = await builder.compile({
    file: "program.bpf.c",
    text: `${prologue}int elsewhere(int);
extern int maybe(int) __attribute__((weak));
extern int kernels(int) __attribute__((section(".ksyms")));
SEC("kprobe/x") int p(int *ctx) {
  return elsewhere(ctx[0]) + maybe(1) + kernels(2);
}
`,
  });
  assert.equal(
    diagnostics.map(({ severity, code, range }) => [severity, code, range?.line]),
    [["warning", "CG201", 6]],
  );
});

test("a function with more instructions than any kernel takes is refused", () => {
  const body = "r0 = 1\\0A".repeat(1_000_001);
  const ir = `define i32 @p() section "tc" {\n  call void asm sideeffect "${body}", "~{r0}"()\n  ret i32 0\n}\n`;
  assert.throws(
    () => generate(ir, { cpu: "v3", mainFile: "program.bpf.c" }),
    (error: unknown) =>
      error instanceof BpfkitError && error.code === "CG114" && /1000003 instructions/.test(error.message),
  );
});

test.run();
