/** Edits nest, keep lines and refuse to overlap. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TextEdits } from "./edits.ts";

function edited(text: string, edit: (edits: TextEdits) => void): string {
  const edits = new TextEdits(text);
  edit(edits);
  return edits.apply();
}

test("nothing to do", () => {
  assert.is(
    edited("abc", () => {}),
    "abc",
  );
});

test("wrappings of one start nest by their ends, whatever the order", () => {
  const outerFirst = edited("abcd", (edits) => {
    edits.wrap(0, 4, "<", ">", "read");
    edits.wrap(0, 2, "(", ")", "read");
  });
  const innerFirst = edited("abcd", (edits) => {
    edits.wrap(0, 2, "(", ")", "read");
    edits.wrap(0, 4, "<", ">", "read");
  });
  assert.is(outerFirst, "<(ab)cd>");
  assert.is(innerFirst, "<(ab)cd>");
});

test("wrappings of one end nest by their starts; what closes stands before what opens", () => {
  const result = edited("abcd", (edits) => {
    edits.wrap(0, 2, "<", ">", "read");
    edits.wrap(1, 2, "(", ")", "read");
    edits.wrap(2, 4, "[", "]", "read");
  });
  assert.is(result, "<a(b)>[cd]");
});

test("the same range may be wrapped for two purposes", () => {
  const result = edited("ab", (edits) => {
    edits.wrap(0, 2, "<", ">", "cast");
    edits.wrap(0, 2, "(", ")", "read");
  });
  assert.is(result, "<(ab)>");
});

test("equal edits count once", () => {
  const result = edited("p->a", (edits) => {
    for (let time = 0; time < 3; time += 1) {
      edits.wrap(0, 4, "READ(", ")", "read");
      edits.replace(1, 3, ", ");
      edits.insert(0, "x ");
      edits.append(4, " y");
    }
  });
  assert.is(result, "x READ(p, a) y");
});

test("replaced newlines come behind the new text", () => {
  assert.is(
    edited("f(a,\n  b)", (edits) => edits.replace(0, 8, "g(a,b")),
    "g(a,b\n)",
  );
});

test("overlapping replacements are our bug", () => {
  assert.throws(
    () =>
      edited("abcdef", (edits) => {
        edits.replace(0, 3, "x");
        edits.replace(2, 5, "y");
      }),
    /internal error: edits overlap/,
  );
});

test("an insertion inside replaced text is our bug", () => {
  assert.throws(
    () =>
      edited("abcdef", (edits) => {
        edits.replace(0, 4, "x");
        edits.wrap(2, 3, "(", ")", "read");
      }),
    /internal error: an edit lies inside/,
  );
});

test.run();
