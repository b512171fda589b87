/** Tests of rendering diagnostics. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BpfkitError,
  type Diagnostic,
  formatDiagnostic,
  formatError,
  NotSupportedError,
  SourceFile,
  SyscallError,
} from "./index.ts";

const text = "int a;\r\n\tm.lookupp(&key);\nlast";
const file = new SourceFile("tool.c", text);

test("lines and positions", () => {
  assert.is(file.lineCount, 3);
  assert.is(file.lineText(1), "int a;");
  assert.is(file.lineText(2), "\tm.lookupp(&key);");
  assert.is(file.lineText(3), "last");
  assert.is(file.lineText(4), undefined);
  assert.is(file.lineText(0), undefined);
  for (const offset of [0, 5, 8, 9, 25, 26, 30, text.length]) {
    const position = file.position(offset);
    assert.is(file.offset(position) ?? offset, offset);
  }
  assert.equal(file.position(8), { line: 2, column: 1 });
  assert.equal(file.position(-5), { line: 1, column: 1 });
  assert.equal(file.position(999), { line: 3, column: 5 });
  assert.is(file.offset({ line: 2, column: 3 }), 10);
  assert.is(file.offset({ line: 9, column: 1 }), undefined);
  assert.equal(new SourceFile("e", "").position(0), { line: 1, column: 1 });
});

const diagnostic: Diagnostic = {
  severity: "error",
  code: "RW012",
  message: 'unknown map method "lookupp"',
  range: { file: "tool.c", line: 2, column: 4, endColumn: 11 },
  hint: 'did you mean "lookup"?',
  notes: [
    {
      severity: "note",
      code: "RW012",
      message: "m is declared here",
      range: { file: "tool.c", line: 1, column: 5 },
    },
  ],
};

test("a caret under the place, tabs widened, notes and hint", () => {
  assert.is(
    formatDiagnostic(diagnostic, { sources: (name) => (name === "tool.c" ? text : undefined) }),
    `tool.c:2:4: error: unknown map method "lookupp" [RW012]
    2 |     m.lookupp(&key);
      |       ^~~~~~~
  hint: did you mean "lookup"?
tool.c:1:5: note: m is declared here
    1 | int a;
      |     ^`,
  );
});

test("without the text there is no caret; a line of its own goes before the file's", () => {
  assert.is(formatDiagnostic({ ...diagnostic, notes: [] }).split("\n").length, 2);
  assert.match(
    formatDiagnostic({ ...diagnostic, sourceLine: "xx m.lookupp()" }),
    / {4}2 \| xx m\.lookupp\(\)\n/,
  );
});

test("colours only when asked", () => {
  const plain = formatDiagnostic(diagnostic, { sources: () => text });
  assert.not.ok(plain.includes("\u001b"));
  const coloured = formatDiagnostic(diagnostic, { colour: true, sources: () => text });
  assert.ok(coloured.includes("\u001b[1;31merror:\u001b[0m"));
  const pieces = coloured
    .split("\u001b")
    .map((piece, index) => (index === 0 ? piece : piece.replace(/^\[[\d;]*m/, "")));
  assert.is(pieces.join(""), plain);
});

test("long lines are cut around the place; odd places do not break it", () => {
  const long = `${"a".repeat(500)}X${"b".repeat(500)}`;
  const shown = formatDiagnostic({
    ...diagnostic,
    notes: [],
    sourceLine: long,
    range: { file: "f", line: 1, column: 501 },
  });
  const [, line = "", caret = ""] = shown.split("\n");
  assert.ok(line.length < 190);
  assert.is(line.charAt(caret.indexOf("^")), "X");
  for (const column of [0, -3, 9999, Number.NaN]) {
    assert.ok(
      formatDiagnostic({
        ...diagnostic,
        sourceLine: "x",
        range: { file: "f", line: 1, column, endColumn: 1 },
      }),
    );
  }
});

test("control characters of the input do not reach the terminal", () => {
  const hostile = "a\u001b[31mb\u0007";
  const range = { file: hostile, line: 1, column: 1 };
  const shown = formatDiagnostic({
    severity: "error",
    code: "X",
    message: `${hostile}\nc`,
    hint: hostile,
    sourceLine: hostile,
    range,
  });
  assert.not.ok(shown.includes("\u001b") || shown.includes("\u0007"));
  assert.match(shown, /b\.\nc \[X\]/);
});

test("errors show their findings, and their own message once", () => {
  const error = new BpfkitError("RW012", diagnostic.message, { diagnostics: [diagnostic] });
  assert.is(formatError(error).match(/unknown map method/g)?.length, 1);
  const outer = new BpfkitError("BK001", "the build failed", {
    diagnostics: [diagnostic],
    hint: "see below",
  });
  assert.match(
    formatError(outer),
    /^error: the build failed \[BK001\]\n {2}hint: see below\ntool\.c:2:4: error/,
  );
});

test("error classes say what they are about", () => {
  assert.is(new SyscallError("BPF_MAP_CREATE", 22).message, "BPF_MAP_CREATE failed with EINVAL");
  assert.is(new SyscallError("read", 9999, { detail: "x" }).message, "read failed with errno 9999: x");
  assert.is(
    new NotSupportedError("ringbuf", { since: "5.8" }).message,
    "ringbuf is not supported (needs Linux 5.8 or newer)",
  );
  const cause = new Error("inner");
  assert.is(new BpfkitError("X", "m", { cause }).cause, cause);
});

test.run();
