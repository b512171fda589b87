/** Inline assembly becomes the bytes that LLVM's assembler makes of the same text. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "@bpfkit/codegen";
import { readObject } from "@bpfkit/elf/object";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";

const operators = ["+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<=", ">>=", "s>>=", "s/=", "s%="];
const conditions = ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"];
const values = ["7", "-7", "0x7fffffff", "-0x80000000", "3 * (2 + 2)", "017", "1 << 4 | 3", "1 | 2 + 4"];

/** Statements, of which each is an instruction of its own. */
const statements = [
  ...["r", "w"].flatMap((letter) => [
    ...operators.flatMap((operator) => [
      `${letter}1 ${operator} ${letter}9`,
      ...values.map((value) => `${letter}3 ${operator} ${value}`),
    ]),
    ...values.map((value) => `${letter}8 = ${value}`),
    `${letter}1 = ${letter}10`,
    `${letter}5 = -${letter}5`,
    `${letter}5 = (s8)${letter}6`,
    `${letter}5 = (s16) ${letter}6`,
    ...conditions.flatMap((one) => [
      `if ${letter}1 ${one} ${letter}2 goto +3`,
      `if ${letter}1 ${one} -3 goto -4`,
    ]),
  ]),
  "r5 = (s32)r6",
  ...["be", "le", "bswap"].flatMap((swap) => [16, 32, 64].map((bits) => `r4 = ${swap}${bits} r4`)),
  ...["u8", "u16", "u32", "u64", "s8", "s16", "s32"].map((type) => `r2 = *(${type} *)(r3 - 8)`),
  ...["u8", "u16", "u32"].map((type) => `w2 = *(${type} *)(r3 + 0x10)`),
  ...["u8", "u16", "u32", "u64"].flatMap((type) => [
    `*(${type} *)(r10 - 8) = r3`,
    `*(${type} *)(r10 - 16) = 42`,
  ]),
  ...["u8", "u16", "u32"].flatMap((type) => [
    `*(${type} *)(r1 + 4) = w3`,
    `r0 = *(${type} *)skb[12]`,
    `r0 = *(${type} *)skb[r7]`,
  ]),
  ...["+", "|", "&", "^"].flatMap((symbol) => [
    `lock *(u32 *)(r1 + 4) ${symbol}= w2`,
    `lock *(u64 *)(r1 + 8) ${symbol}= r2`,
  ]),
  ...["add", "or", "and", "xor"].flatMap((name) => [
    `w2 = atomic_fetch_${name}((u32 *)(r1 + 4), w2)`,
    `r2 = atomic_fetch_${name}((u64 *)(r1 + 8), r2)`,
  ]),
  "w2 = xchg32_32(r1 + 4, w2)",
  "r2 = xchg_64(r1 + 8, r2)",
  "w0 = cmpxchg32_32(r1 + 4, w0, w2)",
  "r0 = cmpxchg_64(r1 + 8, r0, r2)",
  "r1 = 0x123456789abcdef ll",
  "r1 = -1 ll",
  "r1 = 5 ll",
  "r6 = addr_space_cast(r7, 0, 1)",
  "r6 = addr_space_cast(r7, 1, 0)",
  "ld_pseudo r1, 2, 3",
  "goto +5",
  "goto -5",
  "gotol +30000",
  "may_goto +2",
  "call 7",
  "callx r3",
  "exit",
];

/** Jumps with labels, separators and comments. */
const programs = [
  "1: if r1 == 0 goto 2f; r1 += -1; goto 1b\n2: exit",
  "goto done // far away\n r1 = 5 ll # two slots\n done: exit",
  "again:\n  r1 = 1; /* a\n comment */ may_goto out\n  goto again\nout: exit",
  "goto 1f; 1: r0 = 0; goto 1f; 1: exit",
  "gotol over; r1 = 0x1ffffffff ll; over: exit",
  ".8byte 0x000000010000b7b7; exit",
  ".long 0x95, 0\n.byte 0x95, 0, 0, 0; .short 0, 0",
];

function quoted(text: string): string {
  return text.replace(/[\\"\n$]/g, (one) =>
    one === "$" ? "$$" : `\\${one.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** The code of a function whose body is the text. */
function ours(text: string): Uint8Array {
  const ir = `define void @f() naked {\n call void asm sideeffect "${quoted(text)}", ""()\n unreachable\n}\n`;
  const { object } = generate(ir, { cpu: "v4", mainFile: "assembly.c" });
  return object.sections.find(({ name }) => name === ".text")?.data ?? new Uint8Array();
}

const assembler = requireTool("llvm-mc-19");
if (assembler !== undefined) {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-assembler-"));
  const native = (text: string): Uint8Array => {
    const file = join(folder, "native.o");
    const options = ["-triple=bpfel", "-mcpu=v4", "-filetype=obj", "-o", file];
    execFileSync(assembler, options, { input: text, stdio: ["pipe", "pipe", "pipe"] });
    const { sections } = readObject(new Uint8Array(readFileSync(file)), file);
    return sections.find(({ name }) => name === ".text")?.data ?? new Uint8Array();
  };
  const hex = (bytes: Uint8Array): string[] =>
    Buffer.from(bytes)
      .toString("hex")
      .match(/.{1,16}/g) ?? [];

  test("every instruction of LLVM's notation", () => {
    const whole = hex(native(statements.join("\n")));
    let at = 0;
    for (const statement of statements) {
      const code = hex(ours(statement));
      assert.equal(code, whole.slice(at, at + code.length), statement);
      at += code.length;
    }
    assert.is(at, whole.length);
    assert.ok(statements.length > 350);
  });

  test("labels, comments and data", () => {
    for (const text of programs) assert.equal(hex(ours(text)), hex(native(text)), text);
  });

  test.after(() => rmSync(folder, { recursive: true, force: true }));
}

test("what only the verifier prints is read too", () => {
  const pairs = [
    ["r2 = atomic64_fetch_add((u64 *)(r1 + 8), r2)", "r2 = atomic_fetch_add((u64 *)(r1 + 8), r2)"],
    ["r2 = atomic64_xchg((u64 *)(r1 + 8), r2)", "r2 = xchg_64(r1 + 8, r2)"],
    ["r0 = atomic64_cmpxchg((u64 *)(r1 + 8), r0, r2)", "r0 = cmpxchg_64(r1 + 8, r0, r2)"],
    ["r0 = *(u16 *)skb[r7 + 0]", "r0 = *(u16 *)skb[r7]"],
    ["if r1 == 0x0 goto pc+3", "if r1 == 0 goto +3"],
    ["call bpf_ktime_get_ns", "call 5"],
  ] as const;
  for (const [verifier, llvm] of pairs) assert.equal(ours(verifier), ours(llvm), verifier);
  assert.equal([...ours("r2 = load_acquire((u32 *)(r1 + 8))")], [0xc3, 0x12, 8, 0, 0, 1, 0, 0]);
  assert.equal([...ours("store_release((u8 *)(r1 - 8), r2)")], [0xd3, 0x21, 0xf8, 0xff, 0x10, 1, 0, 0]);
});

test("text that is no assembly names its line of C and says what is wrong", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["r1 = be16 r2", /both registers must be the same/],
    ["r11 = 1", /"r11 = 1" is not an instruction/],
    ["goto nowhere", /there is no label nowhere/],
    ["r1 += 0x1ffffffff", /is not a number from/],
    ["*(u8 *)(r1 + 40000) = 1", /40000 is not a number from/],
    ["w1 = *(u64 *)(r1 + 0)", /8 bytes go into an r register/],
    ["r1 = 1 2", /"2" is too much/],
    ["a: a: exit", /the label a is there twice/],
    [".macro x", /the directive .macro is not supported/],
    ["r1 = 1 / 0", /divides by zero/],
    ["r1 = §", /unexpected character/],
    ["", /./],
  ];
  for (const [text, message] of wrong.slice(0, -1)) {
    assert.throws(
      () => ours(text),
      (error: { code: string; message: string }) => error.code === "CG110" && message.test(error.message),
      text,
    );
  }
});

test("any text is assembled or refused", () => {
  const words =
    `r1 w2 r10 r11 = += s>>= ( u8 * ) + - 8 0x7fffffff 99999999999999999999 ll if goto 1f 1: exit ; lock call map skb [ ]
    be16 atomic_fetch_add xchg_64 cmpxchg32_32 addr_space_cast , load_acquire may_goto callx .8byte ' " // /* # ~ << % § a:`.split(
      /\s+/,
    );
  let state = 1;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  let assembled = 0;
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: 1 + below(12) }, () => words[below(words.length)]).join(
      below(4) === 0 ? "" : " ",
    );
    try {
      ours(text);
      assembled += 1;
    } catch (error) {
      assert.is((error as { code?: string }).code, "CG110", `${text}: ${error}`);
    }
  }
  assert.ok(assembled > 10 && assembled < 1000, `${assembled} texts were assembled`);
});

test("assembly outside of functions is refused, not dropped", () => {
  const compile = (text: string) =>
    generate(`module asm "${quoted(text)}"\n`, { cpu: "v3", mainFile: "a.c" });
  assert.throws(() => compile(".weak f"), /outside of functions is not supported: "\.weak f"/);
  assert.ok(compile("# only a comment").bytes.length > 0);
});

test.run();
