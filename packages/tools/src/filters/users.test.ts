/** Users by number and by name. */
import type { Kernel } from "bpfkit/tracing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseOptions, type Usage } from "../options/options.ts";
import { userId } from "./users.ts";

const usage: Usage = {
  name: "sample",
  summary: "Does nothing.",
  options: [{ long: "uid", short: "u", value: "USER", help: "this user only" }],
  examples: [],
};
const options = (...argv: string[]) => parseOptions(usage, argv);

let open = 0;
const file = (text: string): Pick<Kernel, "openFile"> => ({
  openFile: (path) => {
    assert.is(path, "/etc/passwd");
    open++;
    const bytes = new TextEncoder().encode(text);
    const read = (offset: number, length: number) => bytes.slice(offset, offset + length);
    return { identity: "", inode: 1, sizeBytes: bytes.length, read, close: () => open-- };
  },
});
const machine = file("root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n");
const none: Pick<Kernel, "openFile"> = { openFile: () => undefined };

test("by number, without a file", () => {
  assert.is(userId(options("-u", "1000"), "uid", none), 1000);
  assert.is(userId(options(), "uid", none), undefined);
  assert.throws(() => userId(options("-u", "4294967296"), "uid", none), /takes a whole number/);
});

test("by name", () => {
  assert.is(userId(options("-u", "ada"), "uid", machine), 1000);
  assert.is(userId(options("-u", "root"), "uid", machine), 0);
  assert.throws(() => userId(options("-u", "ad"), "uid", machine), /there is no user 'ad'/);
  assert.is(open, 0, "a file was left open");
});

test("names need a list of users", () => {
  assert.throws(
    () => userId(options("-u", "ada"), "uid", none),
    /takes the number of a user here, not 'ada'/,
  );
});

test.run();
