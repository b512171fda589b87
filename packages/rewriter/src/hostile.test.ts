/** Texts and trees that no clang gives are refused or taken, but never crash or hang. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AstNode } from "./ast/node.ts";
import { dialectOf } from "./dialect.ts";
import { prepareForAst } from "./prepare.ts";
import { rewrite } from "./rewrite.ts";

const profile = { release: "6.1.0", architecture: "x86_64", tracepointFormats: new Map() } as const;
const texts = [
  "",
  "\0\u{1f600}\ud800",
  "#",
  "#include",
  '"',
  "/*",
  "(".repeat(50_000),
  "BPF_HASH(".repeat(2000),
  "TRACEPOINT_PROBE(a,".repeat(2000),
  "#define x x\nx\n".repeat(2000),
  "\\\n".repeat(5000),
];

test("any text can be prepared", () => {
  for (const text of texts) {
    const started = performance.now();
    prepareForAst(text, profile);
    dialectOf(text);
    assert.ok(performance.now() - started < 2000, JSON.stringify(text.slice(0, 40)));
  }
});

test("trees that do not fit the text", () => {
  const place = (offset: number): AstNode["loc"] => ({ offset, file: "x.c", tokLen: 3 });
  const range = { begin: place(90) ?? {}, end: place(2) ?? {} };
  const load: AstNode = {
    kind: "ImplicitCastExpr",
    castKind: "LValueToRValue",
    range,
    inner: [
      { kind: "MemberExpr", name: "pid", isArrow: true, range, inner: [{ kind: "DeclRefExpr", range }] },
    ],
  };
  const trees: AstNode[] = [
    {},
    {
      kind: "TranslationUnitDecl",
      inner: [{}, { kind: "FunctionDecl" }, { kind: "VarDecl" }, { kind: "RecordDecl" }],
    },
    {
      kind: "TranslationUnitDecl",
      inner: [
        {
          kind: "FunctionDecl",
          name: "f",
          range,
          loc: range.begin,
          inner: [
            { kind: "ParmVarDecl", id: "1", type: { qualType: "struct pt_regs *" } },
            { kind: "ParmVarDecl", id: "2", name: "p", type: { qualType: "struct task_struct *" } },
            {
              kind: "CompoundStmt",
              range,
              inner: [load, { kind: "CallExpr" }, { kind: "BinaryOperator", opcode: "=" }],
            },
          ],
        },
      ],
    },
  ];
  for (const ast of trees) {
    try {
      rewrite({ file: "x.c", text: "int f(void);\n", ast });
    } catch (error) {
      assert.instance(error, BpfkitError);
    }
  }
});

test("a tree that nests too deeply is refused", () => {
  let ast: AstNode = { kind: "ParenExpr" };
  for (let depth = 0; depth < 100_000; depth += 1) ast = { kind: "ParenExpr", inner: [ast] };
  assert.throws(() => rewrite({ file: "x.c", text: "", ast }), /nests too deeply/);
});

test("the deepest tree that is taken does not exhaust the stack", () => {
  const wrap: ((inner: AstNode) => AstNode)[] = [
    (inner) => ({
      kind: "BinaryOperator",
      opcode: "+",
      type: { qualType: "int" },
      inner: [inner, { kind: "IntegerLiteral" }],
    }),
    (inner) => ({ kind: "ImplicitCastExpr", castKind: "LValueToRValue", inner: [inner] }),
    (inner) => ({ kind: "MemberExpr", isArrow: true, name: "m", referencedMemberDecl: "9", inner: [inner] }),
  ];
  let value: AstNode = { kind: "DeclRefExpr", referencedDecl: { id: "1", kind: "ParmVarDecl", name: "p" } };
  for (let depth = 0; depth < 1980; depth += 1) value = wrap[depth % wrap.length]?.(value) ?? value;
  const variable: AstNode = { kind: "VarDecl", id: "3", name: "x", inner: [value] };
  const body: AstNode = { kind: "CompoundStmt", inner: [{ kind: "DeclStmt", inner: [variable] }] };
  const place = { offset: 0, file: "x.c", tokLen: 3 };
  const range = { begin: place, end: place };
  const parameter: AstNode = { kind: "ParmVarDecl", id: "1", name: "p", type: { qualType: "void *" } };
  const ast: AstNode = {
    kind: "TranslationUnitDecl",
    inner: [
      {
        kind: "FunctionDecl",
        name: "f",
        loc: place,
        range,
        storageClass: "static",
        inner: [parameter, body],
      },
    ],
  };
  const started = performance.now();
  try {
    rewrite({ file: "x.c", text: "int f(void);\n", ast });
  } catch (error) {
    assert.instance(error, BpfkitError);
  }
  assert.ok(performance.now() - started < 5000);
});

test.run();
