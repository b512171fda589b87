/** The scanner finds tokens, brackets and arguments through comments, literals and directives. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bracketSpan, identifiers, nextToken, skipBlank, tokens } from "./scan.ts";

const words = (text: string): string[] => [...tokens(text)].map((token) => token.text);

test("tokens of expressions", () => {
  assert.equal(words('a->b.c[0x1f] += \'x\' + "y\\"z"'), [
    ...["a", "->", "b", ".", "c", "[", "0x1f", "]", "+", "=", "'x'", "+", '"y\\"z"'],
  ]);
});

test("blanks are white space, comments, continued lines and directives", () => {
  const text = " \t/* a */ // b\n#define X \\\n 1\n \\\n next";
  assert.is(text.slice(skipBlank(text, 0)), "next");
});

test("a hash that is not at the start of a line is a token", () => {
  assert.equal(words("a # b"), ["a", "#", "b"]);
});

const argumentLists: readonly (readonly [text: string, expected: readonly string[]])[] = [
  ["()", []],
  ["( a )", ["a"]],
  ["(a, b)", ["a", "b"]],
  ["(f(x, y), { 1, 2 }, t[a, b])", ["f(x, y)", "{ 1, 2 }", "t[a, b]"]],
  ["(\"a,b)\", ')')", ['"a,b)"', "')'"]],
  ["(a /* , */, // )\n b)", ["a", "b"]],
  ["(a,\n#ifdef X\n b,\n#endif\n c)", ["a", "b", "c"]],
  ["(a,)", ["a", ""]],
  ["(unsigned long long a)", ["unsigned long long a"]],
];

for (const [text, expected] of argumentLists) {
  test(`arguments of ${JSON.stringify(text)}`, () => {
    const span = bracketSpan(`f${text} tail`, 1);
    assert.equal(
      span?.arguments.map(({ start, end }) => `f${text}`.slice(start, end)),
      expected,
    );
    assert.is(span?.close, text.length);
  });
}

test("brackets that do not close are no span", () => {
  for (const text of ["(", "((a)", "(a]", '("', "(/*"]) assert.is(bracketSpan(text, 0), undefined, text);
});

test("the end of the text ends everything", () => {
  for (const text of ['"', "'\\", "/*", "//", "#", "\\", ""]) {
    for (let token = nextToken(text, 0); token !== undefined; token = nextToken(text, token.end)) {
      assert.ok(token.end > token.start);
      assert.ok(token.end <= text.length);
    }
  }
});

test("identifiers leave out comments and literals", () => {
  assert.equal([...identifiers("#define A B /* C */ // D\nint e = \"F\" + 'G';")].sort(), [
    "A",
    "B",
    "define",
    "e",
    "int",
  ]);
});

test.run();
