/** Messages in the form clang prints them become diagnostics with places, lines and hints. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseDiagnostics, type SourceNames } from "./diagnostics.ts";

const asIs: SourceNames = { userName: (path) => path, lineText: () => undefined };

test("a message with range, line and fix-it", () => {
  const stderr = `x.c:1:110:{1:110-1:119}: error: use of undeclared identifier 'thing_log'; did you mean 'thing_long'?
 int g(void){return thing_log;}
                    ^~~~~~~~~
                    thing_long
fix-it:"x.c":{1:20-1:29}:"thing_long"
1 error generated.
`;
  const [found, ...others] = parseDiagnostics(
    stderr.replaceAll(":110", ":20").replaceAll(":119", ":29"),
    asIs,
  );
  assert.equal(others, []);
  assert.equal(found, {
    severity: "error",
    code: "CC001",
    message: "use of undeclared identifier 'thing_log'; did you mean 'thing_long'?",
    range: { file: "x.c", line: 1, column: 20, endColumn: 29 },
    sourceLine: "int g(void){return thing_log;}",
    hint: 'did you mean "thing_long"?',
  });
});

for (const summary of ["1 error generated.", "2 errors generated.", "1 warning and 20 errors generated."]) {
  test(`a note without a line of source, then "${summary}"`, () => {
    const stderr = `x.c:4:10: error: call to undeclared library function 'strcmp'
  return strcmp(a, b);
         ^
x.c:4:10: note: include the header <string.h> or explicitly provide a declaration for 'strcmp'
${summary}
`;
    const [found, ...others] = parseDiagnostics(stderr, asIs);
    assert.equal(others, []);
    assert.equal(
      found?.notes?.map(({ sourceLine }) => sourceLine),
      [undefined],
    );
  });
}

test("notes belong to the message before them, include stacks to the one after", () => {
  const stderr = `In file included from x.c:3:
In file included from a.h:7:
b.h:9:5: warning: first [-Wsomething]
     thing
     ^
a.h:1:1: note: see here
 int a;
 ^
x.c:4:2: fatal error: second
  y
  ^
error: too many errors
`;
  const found = parseDiagnostics(stderr, asIs);
  assert.equal(
    found.map(({ severity, message, range }) => [severity, message, range?.file, range?.line]),
    [
      ["warning", "first [-Wsomething]", "b.h", 9],
      ["error", "second", "x.c", 4],
      ["error", "too many errors", undefined, undefined],
    ],
  );
  assert.equal(
    found[0]?.notes?.map(({ severity, message, range }) => [severity, message, range?.file, range?.line]),
    [
      ["note", "included from here", "x.c", 3],
      ["note", "included from here", "a.h", 7],
      ["note", "see here", "a.h", 1],
    ],
  );
  assert.is(found[1]?.notes, undefined);
});

test("columns count UTF-16 units, and the user's own line is preferred", () => {
  // e-acute has two bytes and one unit, the emoji four bytes and two units; the tab is printed as a space.
  const written = '\tchar *é = "😀" +;';
  const stderr = `x.c:2:21:{2:12-2:18}: error: expected expression\n  char *é = "😀" +;\n`;
  const [found] = parseDiagnostics(stderr, { userName: (path) => `my/${path}`, lineText: () => written });
  assert.is(found?.sourceLine, written);
  assert.equal(found?.range, { file: "my/x.c", line: 2, column: 18 });
  assert.is(written[17], ";");
});

test("a place without a range ends with its word", () => {
  const [found] = parseDiagnostics("x.c:1:4: error: m\n   foo_1+2\n", asIs);
  assert.equal(found?.range, { file: "x.c", line: 1, column: 4, endColumn: 8 });
});

test("file names may have colons and spaces", () => {
  const [found] = parseDiagnostics("C:/my files/a:b.c:12:3: warning: m\n", asIs);
  assert.equal(found?.range, { file: "C:/my files/a:b.c", line: 12, column: 3 });
});

test("anything else is left out", () => {
  assert.equal(parseDiagnostics("", asIs), []);
  assert.equal(parseDiagnostics("PLEASE submit a bug report\n  at 0x1234: error\n\n^~~~\n", asIs), []);
});

test.run();
