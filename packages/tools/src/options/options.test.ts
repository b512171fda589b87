/** Tests of the tools' command lines. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseOptions, type Usage, usageLines } from "./options.ts";

const usage: Usage = {
  name: "sample",
  summary: "Does nothing.",
  options: [
    { long: "milliseconds", short: "m", help: "in milliseconds" },
    { long: "timestamp", short: "T", help: "with time" },
    { long: "pid", short: "p", value: "PID", help: "this process only" },
    { long: "flag", short: "f", value: "FLAG", multiple: true, help: "these flags" },
  ],
  positionals: [{ name: "interval", help: "seconds" }],
  examples: ["sample -mT 1"],
};

test("switches can be given together, words after them", () => {
  const options = parseOptions(usage, ["-mT", "1"]);
  assert.ok(options.has("milliseconds") && options.has("timestamp"));
  assert.not.ok(options.has("pid"));
  assert.is(options.positionalNumber(0, "interval"), 1);
});

test("values are read as text, numbers and lists", () => {
  const options = parseOptions(usage, ["-p", "181", "--flag", "A", "-f", "B"]);
  assert.is(options.number("pid"), 181);
  assert.equal(options.texts("flag"), ["A", "B"]);
  assert.equal(options.texts("pid"), []);
});

const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["an unknown option", ["--nope"], /nope/],
  ["a missing value", ["-p"], /pid/],
  ["a value that looks like an option", ["-p", "-m"], /^sample: option '-p' needs a value, [^.\n]*$/],
  ["too many words", ["1", "2"], /unexpected argument '2'/],
];
for (const [name, argv, pattern] of wrong) {
  test(`${name} is refused`, () => {
    assert.throws(() => parseOptions(usage, argv), pattern);
  });
}

test("numbers are checked", () => {
  assert.throws(
    () => parseOptions(usage, ["-p", "x1"]).number("pid"),
    /whole number of at least 0, not 'x1'/,
  );
  assert.throws(() => parseOptions(usage, ["0"]).positionalNumber(0, "interval"), /at least 1/);
  assert.is(parseOptions(usage, ["-p", "4294967295"]).number("pid"), 4_294_967_295);
  for (const large of ["4294967296", "99999999999999999999"]) {
    const said = `takes a whole number from 0 to 4294967295, not '${large}'`;
    assert.throws(
      () => parseOptions(usage, ["-p", large]).number("pid"),
      (error: Error) => error.message === `--pid ${said}`,
    );
  }
});

test("help lists every option", () => {
  const text = usageLines(usage).join("\n");
  for (const { long } of usage.options) assert.match(text, `--${long}`);
  assert.match(text, "usage: sample [options] [interval]");
});

test.run();
