/** Tests of BTF as C, against clang. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BtfBuilder, BtfTable, type BtfType, printC, printDeclaration } from "./index.ts";

const int: BtfType = {
  kind: "int",
  name: "int",
  size: 4,
  bits: 32,
  bitOffset: 0,
  signed: true,
  char: false,
  bool: false,
};
const char: BtfType = { ...int, name: "char", size: 1, bits: 8 };
const long: BtfType = { ...int, name: "long int", size: 8, bits: 64 };

function tableOf(types: readonly BtfType[]): BtfTable {
  const builder = new BtfBuilder();
  for (const type of types) builder.set(builder.reserve(), type);
  return BtfTable.decode(builder.encode());
}

const everything = (table: BtfTable): number[] =>
  Array.from({ length: table.typeCount - 1 }, (_, index) => index + 1);

type Member = readonly [name: string, type: number, bitOffset: number, bitSize?: number];

function struct(
  name: string,
  size: number,
  members: readonly Member[],
  kind: "struct" | "union" = "struct",
): BtfType {
  return {
    kind,
    name,
    size,
    members: members.map(([member, type, bitOffset, bitSize = 0]) => ({
      name: member,
      type,
      bitOffset,
      bitSize,
    })),
  };
}

const declarations: readonly (readonly [string, readonly BtfType[], number])[] = [
  ["int x", [int], 1],
  ["const char *x", [char, { kind: "const", type: 1 }, { kind: "ptr", type: 2 }], 3],
  ["char * const x", [char, { kind: "ptr", type: 1 }, { kind: "const", type: 2 }], 3],
  [
    "const volatile int x",
    [int, { kind: "volatile", type: 1 }, { kind: "const", type: 2 }, { kind: "const", type: 3 }],
    4,
  ],
  ["void *x", [{ kind: "ptr", type: 0 }], 1],
  [
    "int *x[4]",
    [int, { kind: "ptr", type: 1 }, { kind: "array", elementType: 2, indexType: 1, count: 4 }],
    3,
  ],
  [
    "int (*x)[4]",
    [int, { kind: "array", elementType: 1, indexType: 1, count: 4 }, { kind: "ptr", type: 2 }],
    3,
  ],
  [
    "const char x[2][3]",
    [
      char,
      { kind: "array", elementType: 1, indexType: 1, count: 3 },
      { kind: "const", type: 4 },
      { kind: "array", elementType: 2, indexType: 1, count: 2 },
    ],
    3,
  ],
  ["int (*x)(void)", [int, { kind: "func_proto", returnType: 1, params: [] }, { kind: "ptr", type: 2 }], 3],
  [
    "void (*(*x)(int, ...))(char *)",
    [
      int,
      char,
      { kind: "ptr", type: 2 },
      { kind: "func_proto", returnType: 0, params: [{ name: "p", type: 3 }] },
      { kind: "ptr", type: 4 },
      {
        kind: "func_proto",
        returnType: 5,
        params: [
          { name: "n", type: 1 },
          { name: "", type: 0 },
        ],
      },
      { kind: "ptr", type: 6 },
    ],
    7,
  ],
  [
    "int (*x[3])(int (*)[2])",
    [
      int,
      { kind: "array", elementType: 1, indexType: 1, count: 2 },
      { kind: "ptr", type: 2 },
      { kind: "func_proto", returnType: 1, params: [{ name: "", type: 3 }] },
      { kind: "ptr", type: 4 },
      { kind: "array", elementType: 5, indexType: 1, count: 3 },
    ],
    6,
  ],
  [
    'int __attribute__((btf_type_tag("user"))) *x',
    [int, { kind: "type_tag", name: "user", type: 1 }, { kind: "ptr", type: 2 }],
    3,
  ],
  ["unsigned short x", [{ ...int, name: "u16", size: 2, signed: false }], 1],
  ["unsigned __int128 x", [{ kind: "float", name: "long double", size: 16 }], 1],
];

for (const [text, types, id] of declarations) {
  test(`declares ${text}`, () => assert.is(printDeclaration(tableOf(types), id, "x"), text));
}

test("what is contained comes first, what is pointed to is declared", () => {
  const table = tableOf([
    struct("outer", 16, [
      ["inner", 2, 0],
      ["next", 3, 64],
    ]),
    struct("inner", 8, [["other", 4, 0]]),
    { kind: "ptr", type: 1 },
    { kind: "ptr", type: 5 },
    struct("other", 4, [["n", 6, 0]]),
    { kind: "typedef", name: "number", type: 7 },
    int,
  ]);
  assert.is(
    printC(table, [1]),
    `struct other;

struct inner {
	struct other *other;
};

struct outer {
	struct inner inner;
	struct outer *next;
};
`,
  );
  assert.match(printC(table, [5]), /typedef int number;\n\nstruct other \{\n\tnumber n;\n\};/);
});

test("padding, packing and alignment are made up for", () => {
  const table = tableOf([
    int,
    char,
    long,
    struct("gap", 24, [
      ["a", 2, 0],
      ["b", 3, 128],
    ]),
    struct("tail", 64, [["a", 1, 0]]),
    struct("packed", 12, [
      ["a", 1, 0],
      ["b", 3, 32],
    ]),
    struct("natural", 16, [
      ["a", 2, 0],
      ["b", 3, 64],
    ]),
    struct("bits", 8, [
      ["a", 1, 0, 3],
      ["b", 1, 5, 4],
      ["c", 1, 32, 32],
    ]),
    struct("wide", 64, [["a", 1, 0]], "union"),
  ]);
  assert.is(
    printC(table, everything(table)),
    `struct gap {
	char a;
	char: 8;
	short: 16;
	int: 32;
	long: 64;
	long int b;
};

struct tail {
	int a;
	int: 32;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
	long: 64;
};

struct packed {
	int a;
	long int b;
} __attribute__((packed));

struct natural {
	char a;
	long int b;
};

struct bits {
	int a: 3;
	char: 2;
	int b: 4;
	int c: 32;
};

union wide {
	int a;
} __attribute__((aligned(64)));
`,
  );
});

test("one name, several types: numbered, and enumerators too", () => {
  const values = [{ name: "ONE", value: 1 }];
  const table = tableOf([
    int,
    struct("s", 4, [["a", 1, 0]]),
    struct("s", 4, [["b", 1, 0]]),
    { kind: "enum", name: "", size: 4, signed: false, values },
    { kind: "enum", name: "e", size: 1, signed: false, values },
    { kind: "typedef", name: "t", type: 4 },
  ]);
  assert.is(
    printC(table, everything(table)),
    `struct s {
	int a;
};

struct s___2 {
	int b;
};

enum e {
	ONE = 1,
} __attribute__((mode(byte)));

typedef enum {
	ONE___2 = 1,
} t;
`,
  );
});

test("names that C cannot have do not become C", () => {
  const table = tableOf([
    int,
    struct("a; int evil", 4, [["b */ int", 1, 0]]),
    { kind: "type_tag", name: '") int', type: 1 },
  ]);
  assert.is(printC(table, [2]), "struct a__int_evil {\n\tint b____int;\n};\n");
  assert.is(printDeclaration(table, 3, "x"), "int x");
});

test("pragmas and forwards on request", () => {
  const table = tableOf([int, struct("s", 4, [["a", 1, 0]])]);
  const text = printC(table, [], { forwards: [2], preserveAccessIndex: true });
  assert.match(
    text,
    /push\(__attribute__\(\(preserve_access_index\)\)[\s\S]*\nstruct s;\n[\s\S]*attribute pop/,
  );
});

const code = (wanted: string) => (error: unknown) => error instanceof BpfkitError && error.code === wanted;

test("hostile graphs end in an error, not in a hang", () => {
  const self = tableOf([struct("s", 4, [["m", 1, 0]])]);
  assert.throws(() => printC(self, [1]), code("EL107"));
  const chain = tableOf([{ kind: "ptr", type: 1 }]);
  assert.throws(() => printDeclaration(chain, 1), code("EL107"));
  const deep: BtfType[] = [int];
  for (let id = 1; id < 200; id++) deep.push(struct("", 4, [["m", id, 0]]));
  deep.push(struct("top", 4, [["m", 200, 0]]));
  assert.throws(() => printC(tableOf(deep), [201]), code("EL112"));
  const wide: BtfType[] = [int];
  for (let id = 1; id < 60; id++) {
    wide.push({
      kind: "func_proto",
      returnType: 0,
      params: Array.from({ length: 50 }, () => ({ name: "", type: id })),
    });
  }
  wide.push({ kind: "typedef", name: "endless", type: 60 });
  assert.throws(() => printC(tableOf(wide), [61]), code("EL112"));
});

test.run();
