/** The IR parser and printer: syntax of LLVM 19 to 22, round trips, and what is refused. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import type { IrFunction, IrModule } from "./index.ts";
import { parseIr, printModule, sizeOf, structLayout, verifyModule } from "./index.ts";

const testdata = join(import.meta.dirname, "../../testdata");

function functionNamed(module: IrModule, name: string): IrFunction {
  const symbol = module.symbols.get(name);
  if (symbol?.kind !== "function") throw new Error(`no function ${name}`);
  return symbol;
}

/** Parses a function body and returns its printed instructions. */
function body(text: string, head = "define void @f(i32 %a, i64 %b, ptr %p)"): string[] {
  const module = parseIr(`${head} {\n${text}\n}\n`, "test.ll");
  verifyModule(module);
  const printed = printModule(module);
  const lines = printed.slice(printed.indexOf("{\n") + 2, printed.indexOf("\n}")).split("\n");
  return lines.filter((line) => line.startsWith("  ")).map((line) => line.trim());
}

test("syntax that LLVM 19 does not know is skipped", () => {
  const text = `
define dso_local range(i32 0, 5) i32 @f(ptr noundef captures(none) initializes((0, 4), (8, 12)) %p, i32 range(i32 -1, 3) %0) local_unnamed_addr #0 memory(argmem: readwrite, target_mem0: none) section "kprobe/x" !dbg !3 {
    #dbg_value(ptr %p, !1, !DIExpression(), !2)
  %2 = getelementptr inbounds nuw i8, ptr %p, i64 4
  %3 = load i32, ptr %2, align 4, !tbaa !5
  %4 = icmp samesign ult i32 %3, 7
  %5 = zext nneg i32 %3 to i64
  %6 = trunc nuw nsw i64 %5 to i16
  %7 = ptrtoaddr ptr %p to i64
  call void @llvm.lifetime.start.p0(ptr nonnull %p)
  %8 = or disjoint i32 %3, %0
  %9 = tail call noundef i32 @g(i32 noundef %8, ptr captures(address, read_provenance) %p) #1 [ "tag"(i32 1, ptr %p) ]
  ret i32 %9
}
declare void @llvm.lifetime.start.p0(ptr captures(none)) #1
declare i32 @g(i32, ptr)
attributes #0 = { nounwind "frame-pointer"="all" "target-cpu"="v3" }
attributes #1 = { nocallback nofree nosync nounwind willreturn memory(argmem: readwrite) }
!1 = !{}
!2 = !DILocation(line: 3, column: 1, scope: !3)
!3 = distinct !DISubprogram(name: "f")
!5 = !{!"x", i64 0}
`;
  const module = parseIr(text, "test.ll");
  verifyModule(module);
  const fn = functionNamed(module, "f");
  assert.is(fn.section, "kprobe/x");
  assert.is(fn.subprogram, 3);
  assert.is(fn.attributes.get("target-cpu"), "v3");
  assert.is(fn.blocks[0]?.instructions.length, 10);
  assert.equal(
    fn.blocks[0]?.instructions.map((each) => each.opcode),
    ["gep", "load", "icmp", "zext", "trunc", "ptrtoint", "call", "or", "call", "ret"],
  );
});

test("unnamed values and blocks are numbered as LLVM numbers them", () => {
  const module = parseIr(
    "define i32 @f(i32 %0) {\n  %2 = add i32 %0, 1\n  br label %3\n\n3:\n  %4 = phi i32 [ %2, %1 ], [ %5, %3 ]\n  %5 = add i32 %4, -1\n  %6 = icmp eq i32 %5, 0\n  br i1 %6, label %7, label %3\n\n7:\n  ret i32 %5\n}\n",
    "test.ll",
  );
  verifyModule(module);
  const [entry, loop] = functionNamed(module, "f").blocks;
  assert.is(entry?.name, "1");
  const phi = loop?.instructions[0];
  assert.is(phi?.opcode, "phi");
  if (phi?.opcode === "phi") assert.is(phi.incoming[1]?.value, loop?.instructions[1]);
});

test("instructions print as they were read", () => {
  const lines = [
    "%x = sub nuw nsw i32 %a, 7",
    "%s = select i1 true, i64 %b, i64 -1",
    "%v = load volatile i64, ptr %p, align 4",
    "store i128 5, ptr %p, align 16",
    "%g = getelementptr inbounds [4 x { i8, i32 }], ptr %p, i64 0, i64 %b, i32 1",
    "%r = atomicrmw add ptr %p, i64 %b seq_cst, align 8",
    "%c = cmpxchg ptr %p, i32 %a, i32 3 acq_rel monotonic, align 4",
    "%o = extractvalue { i32, i1 } %c, 1",
    'call void asm sideeffect "r0 = $0", "r,~{r0}"(i64 %b)',
    "%h = call i64 (ptr, ...) inttoptr (i64 6 to ptr)(ptr %p, i32 %a)",
    "%z = freeze i32 %x",
    "fence seq_cst",
    "switch i32 %z, label %end [ i32 1, label %end i32 -2, label %other ]",
  ];
  const all = body(`${lines.join("\n")}\nother:\n  unreachable\nend:\n  ret void`);
  assert.equal(all, [...lines, "unreachable", "ret void"]);
});

test("constants", () => {
  const module = parseIr(
    `%pair = type { i8, i64 }
%packed = type <{ i8, i64 }>
@a = constant [3 x %pair] [%pair { i8 1, i64 -1 }, %pair zeroinitializer, %pair undef]
@b = global %packed <{ i8 -128, i64 ptrtoint (ptr @c to i64) }>, section ".data.x", align 1
@c = internal global [4 x i8] c"a\\00\\FF\\22"
@d = global ptr getelementptr inbounds (i8, ptr @c, i64 2)
@e = extern_weak global i8, section ".ksyms"
@f = global [2 x ptr] [ptr @g, ptr null]
declare void @g()
@alias = weak alias void (), ptr @g
`,
    "test.ll",
  );
  verifyModule(module);
  const pair = module.types.get("pair");
  const packed = module.types.get("packed");
  assert.ok(pair !== undefined && packed !== undefined);
  assert.equal(structLayout(pair).offsets, [0, 8]);
  assert.is(sizeOf(packed), 9);
  const bytes = module.globals[2]?.initializer;
  assert.equal(bytes?.kind === "bytes" ? [...bytes.bytes] : [], [97, 0, 255, 34]);
  const table = module.globals[5]?.initializer;
  assert.is(table?.kind === "aggregate" ? table.elements[0] : undefined, module.symbols.get("g"));
  assert.is(module.globals[4]?.initializer, undefined);
  assert.is(module.aliases[0]?.aliasee, module.symbols.get("g"));
});

test("metadata is parsed when it is asked for", () => {
  const module = parseIr(
    '!named = !{!0}\n!0 = !{!1, !"text", i32 7, null}\n!1 = !DIFoo(a: "x\\C3\\A9", b: DIFlagA | DIFlagB, c: -5, d: !{})\n!2 = !broken(\n',
    "m",
  );
  assert.equal(module.namedMetadata.get("named"), [0]);
  const first = module.metadata.node(0);
  assert.is(first?.kind === "tuple" ? first.elements.length : 0, 4);
  const second = module.metadata.node(1);
  if (second?.kind !== "specialised") throw new Error("not specialised");
  assert.equal(second.fields.get("a"), { kind: "string", text: "xé" });
  assert.equal(second.fields.get("b"), { kind: "keyword", text: "DIFlagA | DIFlagB" });
  assert.equal(second.fields.get("c"), { kind: "number", value: -5n });
  assert.throws(
    () => module.metadata.node(2),
    (error: unknown) => error instanceof BpfkitError && error.code === "CG001",
  );
});

const malformed: readonly (readonly [name: string, text: string, pattern: RegExp])[] = [
  ["the end in the middle", "define void @f() {\n  ret", /expected a type, found the end/],
  [
    "an unknown instruction",
    "define void @f() {\n  frob i32 3\n}",
    /2:3: .*expected an instruction, found 'frob'/,
  ],
  ["an unknown value", "define i32 @f() {\n  ret i32 %x\n}", /has no value '%x'/],
  ["an unknown block", "define void @f() {\n  br label %x\n}", /has no block '%x'/],
  ["an unknown symbol", "@a = global ptr @b\n", /'@b' is used but not defined/],
  ["a second definition", "@a = global i8 0\n@a = global i8 1\n", /'@a' is defined twice/],
  ["a string without end", '@a = global [1 x i8] c"x\n', /unterminated string/],
  ["a number too wide", `@a = global i32 ${"9".repeat(500)}`, /number too long/],
  ["deep types", `@a = global ${"[1 x ".repeat(5000)}i8`, /levels of nesting/],
  ["deep constants", `@a = global [1 x i8] ${"[[1 x i8] ".repeat(5000)}`, /levels of nesting/],
  ["a type in itself", "%a = type { %b }\n%b = type { [2 x %a] }\n", /contains itself/],
  [
    "a deep chain of types",
    Array.from({ length: 3000 }, (_, i) => `%t${i} = type { %t${i + 1} }`).join("\n"),
    /nests more than/,
  ],
];

for (const [name, text, pattern] of malformed) {
  test(`refused: ${name}`, () => {
    try {
      parseIr(text, "test.ll");
      assert.unreachable("not refused");
    } catch (error) {
      assert.instance(error, BpfkitError);
      assert.match((error as BpfkitError).message, pattern);
    }
  });
}

const invalid: readonly (readonly [name: string, text: string, pattern: RegExp])[] = [
  [
    "a use before the definition",
    "  %x = add i32 %y, 1\n  %y = add i32 %a, 1\n  ret void",
    /before its definition/,
  ],
  [
    "a use beside the definition",
    "  br i1 true, label %l, label %r\nl:\n  %x = add i32 %a, 1\n  ret void\nr:\n  %y = add i32 %x, 1\n  ret void",
    /before its definition/,
  ],
  ["operands of two types", "  %x = icmp eq i32 %a, %b\n  ret void", /'%b' is of type i64, not i32/],
  [
    "another type before the definition",
    "  br label %n\nn:\n  %x = phi i64 [ 1, %0 ], [ %y, %n ]\n  %y = add i32 %a, 1\n  br label %n",
    /'%y' is of type i32, not i64/,
  ],
  ["a load from a number", "  %x = load i32, i64 %b\n  ret void", /a pointer is needed/],
  [
    "a phi without its block",
    "  br label %n\nn:\n  %x = phi i32 [ 1, %n ]\n  br label %n",
    /lacks the value of a block|comes? here/,
  ],
  ["a cast the wrong way", "  %x = zext i64 %b to i32\n  ret void", /cannot become/],
];

for (const [name, text, pattern] of invalid) {
  test(`invalid: ${name}`, () => {
    try {
      body(text);
      assert.unreachable("not refused");
    } catch (error) {
      assert.instance(error, BpfkitError);
      assert.match((error as BpfkitError).message, pattern);
    }
  });
}

for (const name of ["arithmetic.c", "core-access.c", "debug-types.c"]) {
  test(`IR of ${name} survives printing and parsing, and LLVM accepts it`, () => {
    const clang = requireTool("clang-19");
    const assembler = requireTool("llvm-as-19");
    if (clang === undefined || assembler === undefined) return;
    const folder = mkdtempSync(join(tmpdir(), "bpfkit-ir-"));
    try {
      for (const level of ["-O0", "-O2"]) {
        const compile = [
          "-target",
          "bpf",
          level,
          "-g",
          "-w",
          "-emit-llvm",
          "-S",
          "-fno-slp-vectorize",
          "-o",
          "-",
        ];
        const text = execFileSync(clang, [...compile, join(testdata, name)], { encoding: "utf8" });
        const module = parseIr(text, name);
        verifyModule(module);
        const printed = printModule(module);
        const file = join(folder, "printed.ll");
        writeFileSync(file, printed);
        execFileSync(assembler, ["-o", join(folder, "printed.bc"), file], { stdio: "pipe" });
        assert.is(printModule(parseIr(printed, name)), printed);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();
