/** How the command starts: from the bundle with cached code, and in every way in which one of them is missing or damaged. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const packages = resolve(import.meta.dirname, "../../packages");
const modules = resolve(import.meta.dirname, "../../node_modules");

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a copy of the command with a cache of its own. */
function run(command: string, words: readonly string[], cache: string): Outcome {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(command, "bin/bpfkit.cjs"), ...words],
    {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], XDG_CACHE_HOME: cache },
      timeout: 120_000,
    },
  );
  return { status, stdout, stderr };
}

function inFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-start-"));
  try {
    body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The one file of code there. */
function codeKept(cache: string): string {
  const [file] = codeOf(cache);
  if (file === undefined) throw new Error("no code was kept: the bundle is missing or stale (npm run build)");
  return file;
}

/** The command as npm installs it, and as it is in a checkout whose sources are newer. */
function copies(folder: string): { readonly installed: string; readonly stale: string } {
  symlinkSync(modules, join(folder, "node_modules"));
  const copy = (name: string): string => {
    const target = join(folder, name, "cli");
    mkdirSync(target, { recursive: true });
    for (const part of ["bin", "dist", "package.json"])
      cpSync(join(packages, "cli", part), join(target, part), { recursive: true });
    cpSync(resolve(packages, "../templates"), join(target, "templates"), { recursive: true });
    return target;
  };
  const installed = copy("installed");
  rmSync(join(installed, "dist/bundle/inputs.json"));
  // None of its inputs is where its list says.
  return { installed, stale: copy("stale") };
}

const codeOf = (cache: string): string[] => {
  try {
    return readdirSync(join(cache, "bpfkit/code")).map((name) => join(cache, "bpfkit/code", name));
  } catch {
    return [];
  }
};

test("this checkout runs its bundle, and keeps V8's code of it", () => {
  inFolder((folder) => {
    const first = run(join(packages, "cli"), ["--version"], folder);
    assert.is(first.status, 0, first.stderr);
    const file = codeKept(folder);
    assert.is(statSync(file).mode & 0o777, 0o600);
    const { mtimeMs } = statSync(file);
    assert.equal(run(join(packages, "cli"), ["--version"], folder), first);
    assert.is(statSync(file).mtimeMs, mtimeMs, "the second run wrote the code again");
  });
});

const commandLines = [
  [],
  ["--version"],
  ["run", "--help"],
  ["prog", "--help"],
  ["bogus"],
  ["run", "nothing-there"],
  ["build"],
  ["new", "--help"],
  ["inspect", "/dev/null"],
  ["run", "biolatency", "--help"],
];

test("bundle and modules say the same", () => {
  inFolder((folder) => {
    const { installed, stale } = copies(folder);
    for (const words of commandLines) {
      const bundled = run(installed, words, join(folder, "bundled"));
      assert.equal(run(stale, words, join(folder, "modules")), bundled, words.join(" "));
    }
    assert.ok(codeOf(join(folder, "bundled")).length > 3);
    assert.equal(codeOf(join(folder, "modules")), [], "a stale bundle was run");
  });
});

test("damaged code is made anew", () => {
  inFolder((folder) => {
    const command = join(packages, "cli");
    const good = run(command, ["--version"], folder);
    const file = codeKept(folder);
    const whole = readFileSync(file);
    const start = whole.indexOf(10) + 1;
    const flipped = (offset: number): Buffer => {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8((bytes.readUInt8(offset) + 1) & 0xff, offset);
      return bytes;
    };
    const damaged: readonly Buffer[] = [
      Buffer.alloc(0),
      Buffer.from("not code"),
      Buffer.from("[{}]\n"),
      Buffer.from("null\n"),
      Buffer.alloc(whole.length),
      whole.subarray(0, start + 100),
      whole.subarray(0, whole.length - 1),
      Buffer.concat([whole.subarray(0, start), Buffer.alloc(whole.length - start)]),
      flipped(5),
      ...[0, 4, 9, 40, 1000, 20_000, whole.length - start - 1].map((offset) => flipped(start + offset)),
    ];
    for (const bytes of damaged) {
      writeFileSync(file, bytes, { mode: 0o600 });
      assert.equal(run(command, ["--version"], folder), good);
      assert.is(readFileSync(file).length > 10_000, true, "no code was kept");
    }
  });
});

test("code that others can write is not run", () => {
  inFolder((folder) => {
    const command = join(packages, "cli");
    const good = run(command, ["--version"], folder);
    const file = codeKept(folder);
    chmodSync(file, 0o666);
    assert.equal(run(command, ["--version"], folder), good);
    assert.is(statSync(file).mode & 0o777, 0o600, "it was taken as it was");
  });
});

test("without a place for it nothing is kept and nothing is said", () => {
  for (const nowhere of ["/dev/null/nowhere", "/proc/nowhere"]) {
    const { status, stderr } = run(join(packages, "cli"), ["--version"], nowhere);
    assert.is(status, 0);
    assert.is(stderr, "");
  }
});

test("an installation that lacks files says so", () => {
  inFolder((folder) => {
    const { installed } = copies(folder);
    rmSync(join(installed, "dist/bundle/main.cjs"));
    const { status, stderr } = run(installed, ["--version"], folder);
    assert.is(status, 1);
    assert.match(stderr, /^error: bpfkit cannot start: ENOENT.*main\.cjs.*\n {2}hint: .*npm ci\n$/);
  });
});

test("a command that was not built says so", () => {
  inFolder((folder) => {
    const { installed } = copies(folder);
    rmSync(join(installed, "dist/start.cjs"));
    const { status, stderr } = run(installed, ["--version"], folder);
    assert.is(status, 1);
    assert.match(stderr, /^error: bpfkit is not built\n {2}hint: [^\n]*npm ci[^\n]*\n$/);
  });
});

test.run();
