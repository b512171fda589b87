/** User's names of files survive the way through the compiler. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { VirtualFiles } from "./virtual-files.ts";

test("plain names stay as they are", () => {
  const files = new VirtualFiles({
    mainFile: "tools/x.c",
    files: new Map([
      ["tools/x.c", "int x;"],
      ["/abs/y.h", ""],
    ]),
  });
  assert.is(files.path("tools/x.c"), "tools/x.c");
  assert.equal([...files.contents.keys()], ["/tools/x.c", "/abs/y.h"]);
  assert.is(files.renamed.size, 0);
  assert.is(files.userName("tools/x.c"), "tools/x.c");
  assert.is(files.userName("<built-in>"), "<built-in>");
});

test("names that leave their folder or are not POSIX come back", () => {
  for (const name of ["../up/x.c", "a/../../x.c", "C:\\work\\x.c", "D:/x.c"]) {
    const files = new VirtualFiles({ mainFile: name, files: new Map([[name, "one\ntwo"]]) });
    const path = files.path(name);
    assert.match(path, /^\/bpfkit-user\/[^:\\]*$/, name);
    assert.not.match(path, /\.\./, name);
    assert.is(files.contents.get(path), "one\ntwo", name);
    assert.is(files.userName(path), name);
    assert.is(files.lineText(name, 2), "two", name);
    assert.is(files.restoreNames(`{"file": ${JSON.stringify(path)}}`), `{"file": ${JSON.stringify(name)}}`);
  }
});

test("relative includes work between displaced files", () => {
  const files = new VirtualFiles({
    mainFile: "../a/x.c",
    files: new Map([
      ["../a/x.c", ""],
      ["../a/sub/y.h", ""],
    ]),
  });
  const folder = files.path("../a/x.c").replace(/x\.c$/, "");
  assert.is(files.path("../a/sub/y.h"), `${folder}sub/y.h`);
});

test("messages can be given another name", () => {
  const files = new VirtualFiles({
    mainFile: "/bpfkit/rewritten.c",
    files: new Map([["/bpfkit/rewritten.c", "text"]]),
    fileNames: new Map([["/bpfkit/rewritten.c", "mine.c"]]),
  });
  assert.is(files.userName("/bpfkit/rewritten.c"), "mine.c");
  assert.is(files.lineText("mine.c", 1), "text");
  assert.equal([...files.renamed], [["/bpfkit/rewritten.c", "mine.c"]]);
});

test("a main file without text is a wrong call", () => {
  assert.throws(
    () => new VirtualFiles({ mainFile: "x.c", files: new Map() }),
    /no text for the main file x\.c/,
  );
});

test.run();
