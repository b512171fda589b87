/** Tests of telling `run`'s options from the tool's. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { separateToolArguments } from "./separate.ts";

const cases: readonly (readonly [string, string, string])[] = [
  ["tool options go behind --", "run biolatency -D 1 5", "run biolatency -- -D 1 5"],
  ["own options are found anywhere", "run biolatency -D --seed 3 1", "run --seed 3 biolatency -- -D 1"],
  [
    "a value after = stays with its option",
    "run --scenario=exec execsnoop -x",
    "run --scenario=exec execsnoop -- -x",
  ],
  ["C takes macros and folders", "run a.c -D N=1 -Iinc --json", "run -D N=1 -Iinc a.c -- --json"],
  ["and a level", "run a.c -O0 --json", "run -O0 a.c -- --json"],
  ["a tool keeps its own -O", "run tool -O 1", "run tool -- -O 1"],
  ["help of run itself", "run --help", "run --help"],
  ["help of the tool", "run biolatency --help", "run biolatency -- --help"],
  ["everything after -- is the tool's", "run biolatency -- --seed 3", "run biolatency -- --seed 3"],
  ["other commands are left alone", "build a.c -D N", "build a.c -D N"],
];
for (const [name, given, expected] of cases) {
  test(name, () => assert.is(separateToolArguments(given.split(" ")).join(" "), expected));
}

test("options in front of a command go behind it, as bpftool has them", () => {
  assert.equal(separateToolArguments(["-j", "-p", "map", "dump", "id", "7"]), [
    "map",
    "dump",
    "id",
    "7",
    "-j",
    "-p",
  ]);
  assert.equal(separateToolArguments(["prog", "list", "--json"]), ["prog", "list", "--json"]);
  assert.equal(separateToolArguments(["--json"]), ["--json"]);
  assert.equal(separateToolArguments([]), []);
});

test.run();
