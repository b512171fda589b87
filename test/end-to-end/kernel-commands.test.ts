/** prog, map, link, btf and feature as a user runs them: words, options, exit codes, and what needs no privilege. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Workspace } from "../support/cli.ts";
import { canLoadBpf } from "../support/native-tools.ts";

const test = suite<{ work: Workspace }>("kernel commands");
test.before.each((context) => {
  context.work = new Workspace();
});
test.after.each(({ work }) => work.close());

test("types of a file need neither root nor a kernel", ({ work }) => {
  const file = work.file(
    "a.c",
    "struct event { u32 pid; };\nBPF_HASH(counts, u32, struct event);\nint kprobe__do_exit(void *ctx) { return 0; }\n",
  );
  assert.is(work.run(["build", file]).status, 0);
  const raw = work.run(["btf", "dump", "file", "a.o"]);
  assert.is(raw.status, 0, raw.stderr);
  assert.match(raw.stdout, /^\[\d+\] STRUCT 'event' size=4 vlen=1\n\t'pid' type_id=\d+ bits_offset=0$/m);
  const { types } = JSON.parse(work.run(["btf", "dump", "file", "a.o", "--json"]).stdout);
  assert.is(types[0].id, 1);
  const pretty = work.run(["btf", "dump", "file", "a.o", "-p"]).stdout;
  assert.equal(JSON.parse(pretty), { types });
  assert.match(work.run(["btf", "dump", "file", "a.o", "format", "c"]).stdout, /struct event \{\n\tu32 pid;/);
  work.file("short.btf", new Uint8Array([0x9f, 0xeb, 1, 0, 24]));
  const damaged = work.run(["btf", "dump", "file", "short.btf"]);
  assert.is(damaged.status, 1);
  assert.match(damaged.stderr, /^error: .*short\.btf.*\[EL10\d\]/);
});

test("a mistyped word is a usage error with the nearest word or the usage", ({ work }) => {
  if (!canLoadBpf()) return;
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["prog", "dumb"], /'dumb' is no command of prog.*\n.*Did you mean 'dump'/],
    [["prog", "dump", "xlated", "id", "x"], /'x' is no id/],
    [["map", "lookup", "id"], /id is missing/],
    [["link", "show", "id", "1", "extra"], /'extra' is not expected here/],
    [["feature", "--full"], /--helpers/],
    [["map", "list", "--jsno"], /jsno/],
  ];
  for (const [words, pattern] of cases) {
    const { status, stderr, stdout } = work.run(words);
    assert.is(status, 2, `${words.join(" ")}: ${stderr}`);
    assert.match(stderr, pattern);
    assert.is(stdout, "");
  }
});

test("what is not there is said with exit code 1, also where JSON was asked for", ({ work }) => {
  if (!canLoadBpf()) return;
  const { status, stderr, stdout } = work.run(["prog", "show", "id", "4294967294", "-j"]);
  assert.is(status, 1);
  assert.is(stdout, "");
  assert.match(stderr, /no program with id 4294967294 is loaded \[KO001\]\n {2}hint: /);
});

test("what the kernel can do, in columns", ({ work }) => {
  if (!canLoadBpf()) return;
  const { status, stdout, stderr } = work.run(["feature"]);
  assert.is(status, 0, stderr);
  for (const line of [
    /^PRIVILEGES$/m,
    /^ {2}tracepoint +yes$/m,
    /^ {2}hash +yes$/m,
    /^ {2}btf-func +yes {2}5\.0 /m,
  ]) {
    assert.match(stdout, line);
  }
});

test.run();
