/** The real compiler in its worker: AST, IR, messages, limits. One compiler for all tests but those of its end. */
import { execFileSync } from "node:child_process";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import type { ClangRequest } from "../clang.ts";
import type { AstNode } from "../json-ast.ts";
import { createNodeClang } from "./index.ts";

const clang = createNodeClang({ timeoutMs: 20_000, memoryLimitBytes: 192 << 20 });

test.after(() => clang.close());

function request(text: string, more: Partial<ClangRequest> = {}): ClangRequest {
  const files = new Map([["prog.c", text], ...(more.files ?? [])]);
  return {
    mainFile: "prog.c",
    includeDirs: [],
    preIncludes: [],
    defines: [],
    cpu: "v3",
    optLevel: 2,
    ...more,
    files,
  };
}

async function failure(text: string, more: Partial<ClangRequest> = {}): Promise<BpfkitError> {
  try {
    await clang.compileToIr(request(text, more));
  } catch (error) {
    if (error instanceof BpfkitError) return error;
    throw error;
  }
  throw new Error("it compiled");
}

function* nodes(root: AstNode): Generator<AstNode> {
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    yield node;
    open.push(...(node.inner ?? []));
  }
}

const counter = `
typedef unsigned long long u64;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
struct { int (*type)[1]; u64 *key; u64 *value; int (*max_entries)[64]; } seen __attribute__((section(".maps"), used));
__attribute__((section("kprobe/f"), used)) int count(void *ctx) {
  u64 key = 7, value = 1;
  bpf_map_update_elem(&seen, &key, &value, 0);
  return 0;
}
char _license[] __attribute__((section("license"), used)) = "GPL";
`;

test("the AST is clang's own", async () => {
  const { ast, diagnostics } = await clang.parseAst(request(counter));
  assert.equal(diagnostics, []);
  assert.is(ast.kind, "TranslationUnitDecl");
  const names = (ast.inner ?? []).map((node) => node["name"]);
  for (const name of ["u64", "bpf_map_update_elem", "seen", "count", "_license"])
    assert.ok(names.includes(name), name);
  const kinds = new Set([...nodes(ast)].map(({ kind }) => kind));
  for (const kind of ["CallExpr", "DeclRefExpr", "FieldDecl", "SectionAttr"])
    assert.ok(kinds.has(kind), kind);
});

test("IR keeps the program, first as written, then optimised", async () => {
  const { ir, diagnostics } = await clang.compileToIr(request(counter));
  assert.equal(diagnostics, []);
  assert.match(ir, /^target triple = "bpfel"$/m);
  assert.match(ir, /define dso_local i32 @count\(ptr noundef %ctx\) #0 section "kprobe\/f"/);
  assert.match(ir, /store i64 7, ptr %key/);
  assert.match(ir, /!DIFile\(filename: "prog\.c", directory: "\."/);
  const optimised = await clang.optimiseIr(ir, { cpu: "v3", optLevel: 2 });
  assert.match(optimised.ir, /call i64 inttoptr \(i64 2 to ptr\)\(ptr noundef nonnull @seen,/);
  assert.not.match(optimised.ir, /%ctx\.addr/);
});

test("the same text gives the same IR", async () => {
  const [first, second] = await Promise.all([
    clang.compileToIr(request(counter)),
    clang.compileToIr(request(counter)),
  ]);
  assert.is(first.ir, second.ir);
});

test("IR means what native clang's means", async () => {
  const native = requireTool("llc-19");
  if (native === undefined) return;
  const { ir } = await clang.compileToIr(request(counter));
  const optimised = (await clang.optimiseIr(ir, { cpu: "v3", optLevel: 2 })).ir;
  // What llc 19 does not know yet, it may ignore here.
  const older = optimised.replaceAll(/^.*llvm\.lifetime.*$/gm, "").replaceAll(/ captures\(none\)/g, "");
  const listing = execFileSync(native, ["-march=bpfel", "-mcpu=v3", "-o", "-", "-"], {
    input: older,
    encoding: "utf8",
  });
  assert.match(listing, /\*\(u64 \*\)\(r10 - 8\) = r\d/);
  assert.match(listing, /call 2\n/);
});

test("CO-RE accesses stay visible", async () => {
  const { ir } = await clang.compileToIr(
    request(`struct s { int a; int b; } __attribute__((preserve_access_index));
      int get(struct s *s) { return __builtin_preserve_access_index(s->b) + __builtin_preserve_field_info(s->a, 2); }`),
  );
  assert.match(ir, /@llvm\.preserve\.struct\.access\.index/);
  assert.match(ir, /@llvm\.bpf\.preserve\.field\.info/);
});

test("defines, include folders and files before the main one are used, in order", async () => {
  const { ast } = await clang.parseAst(
    request(`#include <which.h>\n#include "near/by.h"\nint size_of_array[FROM_FIRST + WHICH + NEAR];`, {
      files: new Map([
        ["/bpfkit/include/which.h", "#define WHICH 10"],
        ["other/which.h", "#define WHICH 20"],
        ["near/by.h", "#define NEAR 300"],
        ["/bpfkit/first.h", "#define FROM_FIRST BASE"],
      ]),
      includeDirs: ["other", "/bpfkit/include"],
      preIncludes: ["/bpfkit/first.h"],
      defines: ["BASE=4000"],
    }),
  );
  assert.equal((ast.inner ?? []).at(-1)?.["type"], { qualType: "int[4320]" });
});

test("a header is read once by whatever path, two headers of one name are two", async () => {
  const { diagnostics } = await clang.parseAst(
    request(
      `#include <one.h>\n#include "a/../a/one.h"\n#include "./a/one.h"\n#include "b/one.h"\nint sum[A + B];`,
      {
        files: new Map([
          ["a/one.h", "#pragma once\nenum { A = 1 };"],
          ["b/one.h", "#pragma once\nenum { B = 2 };"],
        ]),
        includeDirs: ["a"],
      },
    ),
  );
  assert.equal(diagnostics, []);
});

test("files of an earlier program are gone", async () => {
  const gone = await failure(`#include "near/by.h"`);
  assert.is(gone.code, "CC001");
  assert.match(gone.message, /'near\/by\.h' file not found/);
});

test("the standard headers of a freestanding C are there, beside the kernel's types", async () => {
  const kernel = `typedef unsigned long long __u64; typedef __u64 u64; typedef u64 uint64_t; typedef unsigned char uint8_t;
    typedef unsigned long size_t; typedef long long int64_t; typedef unsigned int uint32_t; typedef _Bool bool;
    enum { false = 0, true = 1 };`;
  const { diagnostics } = await clang.parseAst(
    request(
      `#include <stddef.h>
      #include <stdint.h>
      #include <stdbool.h>
      #include <limits.h>
      #include <stdarg.h>
      struct s { int a; int b; };
      _Static_assert(offsetof(struct s, b) == 4 && sizeof(uint64_t) == 8 && sizeof(int_least16_t) == 2, "");
      _Static_assert(UINT64_MAX == ~0ull && INT64_MIN < 0 && INT8_MIN == -128 && UINT16_MAX == 65535, "");
      _Static_assert(CHAR_BIT == 8 && INT_MIN == -2147483647 - 1 && ULONG_MAX == ~0ul && LLONG_MAX == INT64_MAX, "");
      _Static_assert(INT64_C(1) << 40 > 0 && UINT64_C(1) > 0 && true && !false && (bool)2 == 1, "");
      void *nothing = NULL; va_list *list;`,
      { files: new Map([["kernel.h", kernel]]), preIncludes: ["kernel.h"] },
    ),
  );
  assert.equal(diagnostics, []);
});

test("a mistake is shown in the user's own file, line and words", async () => {
  const text = `#include "mine.h"\nint f(struct s *s) {\n\treturn s->b;\n}\nint g(void) { return h }\n`;
  const error = await failure(text, { files: new Map([["mine.h", "struct s { int a; };\n"]]) });
  assert.is(error.code, "CC001");
  assert.is(error.message, "prog.c:3: no member named 'b' in 'struct s' (and 1 more)");
  const [first, second] = error.diagnostics;
  assert.equal(first?.range, { file: "prog.c", line: 3, column: 12, endColumn: 13 });
  assert.is(first?.sourceLine, "\treturn s->b;");
  assert.equal(second?.range, { file: "prog.c", line: 5, column: 22, endColumn: 23 });
  assert.match(second?.message ?? "", /undeclared identifier 'h'/);
});

test("#line and given names are honoured, displaced names come back", async () => {
  const lined = await failure(`#line 41 "theirs.c"\n\nint x = nothing;`);
  assert.equal(lined.diagnostics[0]?.range, { file: "theirs.c", line: 42, column: 9, endColumn: 16 });
  const name = "../up/there.c";
  const displaced = await failure("", { mainFile: name, files: new Map([[name, "int x = nothing;"]]) });
  assert.is(displaced.diagnostics[0]?.range?.file, name);
  const files = new Map([[name, "int x;"]]);
  const { ir } = await clang.compileToIr(request("", { mainFile: name, files }));
  assert.match(ir, /!DIFile\(filename: "\.\.\/up\/there\.c"/);
  const { ast } = await clang.parseAst(request("", { mainFile: name, files }));
  assert.match(JSON.stringify(ast), /"file":"\.\.\/up\/there\.c"/);
});

test("warnings come with the result; those in our own headers do not", async () => {
  const { diagnostics } = await clang.parseAst(
    request("#include <ours.h>\nint g(int *p) { char *q = p; return q == 0; }\nint f(void) { }", {
      files: new Map([
        ["/bpfkit/include/ours.h", "static int ours(void) { }\n"],
        ["/bpfkit/include/before.h", "static int before(void) { }\n"],
      ]),
      includeDirs: ["/bpfkit/include"],
      preIncludes: ["/bpfkit/include/before.h"],
    }),
  );
  assert.equal(
    diagnostics.map(({ severity, code, range }) => [severity, code, range?.line]),
    [
      ["warning", "CC002", 2],
      ["warning", "CC002", 3],
    ],
  );
});

test("deep nesting is refused, and the compiler lives on", async () => {
  const texts = {
    brackets: `int f(void) { return ${"(".repeat(3000)}1${")".repeat(3000)}; }`,
    braces: `int x[] = ${"{".repeat(3000)}1${"}".repeat(3000)};`,
    operators: `int f(int a) { return a${"+a".repeat(200_000)}; }`,
    unary: `int f(int a) { return ${"!".repeat(100_000)}a; }`,
    branches: `int f(int a) { ${"if (a) a++; else ".repeat(30_000)} return a; }`,
    pointers: `int ${"*".repeat(60_000)}p;`,
  };
  for (const [name, text] of Object.entries(texts)) {
    const error = await failure(text);
    assert.is(error.code, "CC011", `${name}: ${error.message}`);
    assert.ok(error.hint !== undefined, name);
    await clang.parseAst(request("int alive;"));
  }
});

test("a macro bomb runs into the memory limit, not into the machine's", async () => {
  const levels = Array.from({ length: 40 }, (_, level) => `#define A${level + 1}(x) A${level}(A${level}(x))`);
  const error = await failure(`#define A0(x) x x\n${levels.join("\n")}\nint f(void) { A30(;) }`);
  assert.is(error.code, "CC013");
  await clang.parseAst(request("int alive;"));
});

test("a crash of clang is told as one", async () => {
  const error = await failure("#pragma clang __debug crash\n");
  assert.is(error.code, "CC014");
  await clang.parseAst(request("int alive;"));
});

test("IR that is none is refused", async () => {
  const error = await clang
    .optimiseIr("this is not IR", { cpu: "v3", optLevel: 2 })
    .catch((caught: unknown) => caught);
  assert.ok(error instanceof BpfkitError && error.code === "CC014");
});

test("time is limited, the next run works, and closing refuses what waits", async () => {
  const quick = createNodeClang({ timeoutMs: 6000 });
  await quick.parseAst(request("int warm;"));
  // Headers that include each other a hundred million times: long, but small.
  const headers = Array.from({ length: 5 }, (_, level): [string, string] => [
    `${level}.h`,
    level === 0 ? ";" : `#include "${level - 1}.h"\n`.repeat(100),
  ]);
  const slow = request('#include "4.h"\n', { files: new Map(headers) });
  const error = await quick.compileToIr(slow).catch((caught: unknown) => caught);
  assert.ok(error instanceof BpfkitError && error.code === "CC012", String(error));
  await quick.parseAst(request("int alive;"));
  const waiting = quick.compileToIr(slow).catch((caught: unknown) => caught);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await quick.close();
  const refused = await waiting;
  assert.ok(refused instanceof BpfkitError && refused.code === "CC015", String(refused));
  await assertClosed(quick.parseAst(request("int x;")));
});

async function assertClosed(result: Promise<unknown>): Promise<void> {
  const error = await result.catch((caught: unknown) => caught);
  assert.ok(error instanceof BpfkitError && error.code === "CC015", String(error));
}

test("the version names compiler and arguments", () => {
  assert.match(clang.version, /^@yowasp\/clang 22\.\S+ \(arguments [0-9a-f]{8}\)$/);
});

test.run();
