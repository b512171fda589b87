/** Tests of progress and colours: on terminals wide, narrow and dumb, and in files. */
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mayColour } from "./colour.ts";
import { Progress, type ProgressStream } from "./progress.ts";

/** Longer than progress is silent. */
const shownMs = 600;

function recording(terminal: { isTTY?: boolean; columns?: number }): ProgressStream & { text: string } {
  return {
    ...terminal,
    text: "",
    write(text: string) {
      this.text += text;
    },
  };
}

/** What a stream gets of two stages and two ends. */
async function shown(
  terminal: { isTTY?: boolean; columns?: number },
  environment: Record<string, string>,
): Promise<string> {
  const stream = recording(terminal);
  const progress = new Progress(stream, environment);
  progress.stage("parsing");
  await sleep(shownMs);
  progress.stage("compiling");
  progress.done();
  progress.done();
  return stream.text;
}

test("a terminal has one line, overwritten, and wiped once", async () => {
  const text = await shown({ isTTY: true, columns: 80 }, { TERM: "xterm" });
  assert.is(text, "\r\u001b[Kbpfkit: parsing ...\r\u001b[Kbpfkit: compiling ...\r\u001b[K");
});

test("a line never reaches the last column of a narrow terminal", async () => {
  const text = await shown({ isTTY: true, columns: 12 }, { TERM: "xterm" });
  assert.is(text, "\r\u001b[Kbpfkit: par\r\u001b[Kbpfkit: com\r\u001b[K");
});

test("a dumb terminal and a file get plain lines, not too many", async () => {
  assert.is(await shown({ isTTY: true, columns: 80 }, { TERM: "dumb" }), "bpfkit: parsing ...\n");
  assert.is(await shown({}, { TERM: "xterm" }), "bpfkit: parsing ...\n");
});

test("quick work is silent, also after its end", async () => {
  const stream = recording({ isTTY: true, columns: 80 });
  const progress = new Progress(stream, {});
  progress.stage("parsing");
  progress.done();
  await sleep(shownMs);
  assert.is(stream.text, "");
});

test("NO_COLOR goes before FORCE_COLOR, and both before the terminal", () => {
  const terminal = { isTTY: true };
  const file = {};
  const rows: [stream: { isTTY?: boolean }, environment: Record<string, string>, expected: boolean][] = [
    [terminal, { TERM: "xterm" }, true],
    [terminal, {}, true],
    [terminal, { TERM: "dumb" }, false],
    [terminal, { NO_COLOR: "1" }, false],
    [terminal, { NO_COLOR: "" }, true],
    [terminal, { FORCE_COLOR: "0" }, false],
    [terminal, { FORCE_COLOR: "false" }, false],
    [terminal, { FORCE_COLOR: "1", TERM: "dumb" }, true],
    [file, {}, false],
    [file, { FORCE_COLOR: "1" }, true],
    [file, { FORCE_COLOR: "" }, true],
    [file, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ];
  for (const [stream, environment, expected] of rows)
    assert.is(mayColour(stream, environment), expected, JSON.stringify([stream, environment]));
});

test.run();
