/** What a text defines itself is found in the shapes that BPF programs have. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { definedNames } from "./defined-names.ts";
import { cTokens } from "./tokens.ts";

function found(text: string): { tags: string[]; ordinary: string[] } {
  const { tags, ordinary } = definedNames(cTokens(text));
  return { tags: [...tags].sort(), ordinary: [...ordinary].sort() };
}

const cases: [name: string, text: string, tags: string[], ordinary: string[]][] = [
  ["a struct with a body", "struct mount { int a; struct inner { int b; } i; };", ["inner", "mount"], []],
  ["a declared or used struct", "struct mount; struct mount *get(struct mount *m);", [], ["get"]],
  [
    "attributes",
    "struct __attribute__((packed)) a { int x; }; struct b __attribute__((aligned(8))) { int y; };",
    ["a", "b"],
    [],
  ],
  [
    "enumerators",
    "enum kind { UNKNOWN, READ = (1 << 2), WRITE = READ + OTHER, };",
    ["kind"],
    ["READ", "UNKNOWN", "WRITE"],
  ],
  ["an anonymous enum", "enum { A, B };", [], ["A", "B"]],
  [
    "typedefs",
    "typedef unsigned int u32; typedef struct pair { int a; } pair_t, *pair_p; typedef u8 mac[6];",
    ["pair"],
    ["mac", "pair_p", "pair_t", "u32"],
  ],
  ["typedefs of pointers to functions", "typedef int (*callback)(void *ctx, u32 size);", [], ["callback"]],
  [
    "functions and variables",
    "static int count(struct pt_regs *ctx, int slot) { int local = 1; return local; }\nint x = 3, y; u64 z[2];",
    [],
    ["count", "x", "y", "z"],
  ],
  [
    "maps",
    "BPF_HASH(start, struct request *);\nBPF_ARRAY(totals, struct t, 1);",
    [],
    ["BPF_ARRAY", "BPF_HASH", "start", "totals"],
  ],
  [
    "comments, literals and directives",
    '#define STRUCT struct no { int a; }\n/* struct no1 { } */ // struct no2 {\nchar *s = "struct no3 {";',
    [],
    ["s"],
  ],
  ["directives over lines", "#define X \\\n struct no { \\\n int a; }\nstruct yes { };", ["yes"], []],
  ["unbalanced text", "}}} ) struct a { ((( struct b {", ["a", "b"], []],
  ["words that are no C", "u8 u16 pt_regs BPF_ANY", [], []],
];

cases.push(
  [
    "initialisers",
    "int a = USED + OTHER, b = USED; int c[] = { USED, [OTHER] = 1 }; u64 d;",
    [],
    ["a", "b", "c", "d"],
  ],
  [
    "attributes behind a name",
    'struct { int a; } m SEC(".maps"); int x __attribute__((unused)) = 1; static spinlock_t *get(void);',
    [],
    ["SEC", "__attribute__", "get", "m", "x"],
  ],
);

for (const [name, text, tags, ordinary] of cases) {
  test(name, () => assert.equal(found(text), { tags, ordinary }));
}

test("numbers and literals are no tokens", () => {
  assert.equal(
    cTokens('a 12 0x1fULL 1.5e+3 .5 \'x\' "y\\"z" b').map(({ text }) => text),
    ["a", "b"],
  );
});

test("any text is taken, however long", () => {
  for (const text of [
    '"',
    "'",
    "/*",
    "\\",
    "#",
    "\0\u{1f600}",
    "(".repeat(200_000),
    "struct ".repeat(50_000),
  ]) {
    definedNames(cTokens(text));
  }
});

test.run();
