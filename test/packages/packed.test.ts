/** What npm would publish, installed outside of this repository: the command, its templates, the API from JavaScript and TypeScript. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

interface Manifest {
  readonly name: string;
  readonly description: string;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
}

const folders = readdirSync(join(root, "packages"));
const manifestOf = (folder: string) => JSON.parse(read(`packages/${folder}/package.json`)) as Manifest;

const home = mkdtempSync(join(tmpdir(), "bpfkit packed ü-"));
test.after(() => rmSync(home, { recursive: true, force: true }));

function run(command: string, args: readonly string[], folder = home) {
  const environment = { ...process.env, NODE_OPTIONS: "", XDG_CACHE_HOME: join(home, "cache") };
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: "utf8",
    env: environment,
  });
  return { status, stdout, stderr };
}

/** Packs every package and unpacks it where npm would; other projects' packages are those of this repository. */
function install(): void {
  const packs = join(home, "packs");
  mkdirSync(packs);
  const chosen = folders.flatMap((folder) => ["-w", `packages/${folder}`]);
  execFileSync("npm", ["pack", ...chosen, "--pack-destination", packs, "--silent"], {
    cwd: root,
    stdio: "pipe",
  });
  for (const folder of folders) {
    const { name, dependencies = {}, bin = {} } = manifestOf(folder);
    const target = join(home, "node_modules", name);
    mkdirSync(target, { recursive: true });
    const archive = readdirSync(packs).find(
      (file) => file === `${name.replace("@", "").replace("/", "-")}-0.1.0.tgz`,
    );
    execFileSync("tar", ["-xzf", join(packs, archive ?? name), "--strip-components=1", "-C", target]);
    for (const dependency of Object.keys(dependencies).filter((one) => !/^(?:@bpfkit\/|bpfkit$)/.test(one))) {
      const link = join(home, "node_modules", dependency);
      mkdirSync(dirname(link), { recursive: true });
      if (!existsSync(link)) symlinkSync(join(root, "node_modules", dependency), link);
    }
    for (const [command, path] of Object.entries(bin)) {
      mkdirSync(join(home, "node_modules/.bin"), { recursive: true });
      symlinkSync(join(target, path), join(home, "node_modules/.bin", command));
    }
  }
  writeFileSync(join(home, "package.json"), '{ "private": true, "type": "module" }\n');
}

test.before(install);

for (const folder of folders) {
  test(`packages/${folder} has what it says: exports, licence, description, no tests`, () => {
    const { name, description, exports } = manifestOf(folder);
    const target = join(home, "node_modules", name);
    const files = readdirSync(target, { recursive: true, encoding: "utf8" });
    assert.not.equal(description, "");
    assert.is(readFileSync(join(target, "LICENSE"), "utf8"), read("LICENSE"));
    assert.equal(
      files.filter((file) => /\.test\.|testdata|\.tsbuildinfo/.test(file)),
      [],
    );
    const named = Object.values(exports).flatMap((conditions) => Object.values(conditions));
    assert.ok(named.length >= 3);
    assert.equal(
      named.filter((path) => !existsSync(join(target, path))),
      [],
    );
  });
}

test("the command lists its commands", () => {
  const { status, stdout, stderr } = run("node_modules/.bin/bpfkit", ["--help"]);
  assert.is(status, 0, stderr);
  for (const name of ["build", "new", "run"]) assert.match(stdout, new RegExp(`^ {2}${name} `, "m"));
});

for (const template of ["histogram", "event-stream"]) {
  test(`a ${template} project: what bpfkit new prints works word for word`, () => {
    const made = run("node_modules/.bin/bpfkit", ["new", `my-${template}`, "--template", template]);
    assert.is(made.status, 0, made.stderr);
    const [, words = ""] = /^Run it: (npx bpfkit .*)$/m.exec(made.stderr) ?? [];
    assert.not.equal(words, "");
    const said = run("bash", ["-c", words]);
    assert.is(said.status, 0, said.stderr);
    assert.match(said.stdout, template === "histogram" ? /distribution/ : /filename=/);
    const project = join(home, `my-${template}`);
    const started = run("npm", ["start", "--silent"], project);
    assert.is(started.status, 0, started.stderr);
    assert.is(started.stdout, said.stdout);
  });
}

test("the README's program runs from JavaScript", () => {
  const [, program = ""] = /```js\n([\s\S]*?)```/.exec(read("README.md")) ?? [];
  writeFileSync(join(home, "program.mjs"), program);
  const { status, stdout, stderr } = run(process.execPath, ["program.mjs"]);
  assert.is(status, 0, stderr);
  assert.match(stdout, /^user 1000 executed \d+ programs$/m);
});

for (const [module, resolution] of [
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
] as const) {
  test(`all exports have types that compile without others: ${resolution}`, () => {
    const names = folders.flatMap((folder) => {
      const { name, exports } = manifestOf(folder);
      return Object.keys(exports).map((path) => name + path.slice(1));
    });
    writeFileSync(
      join(home, "all.mts"),
      names.map((name, i) => `export * as n${i} from "${name}";\n`).join(""),
    );
    cpSync(join(home, "program.mjs"), join(home, "program.mts"));
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const options = [
      "--noEmit",
      "--strict",
      "--target",
      "es2022",
      "--lib",
      "es2022,webworker",
      "--types",
      "",
    ];
    const args = [
      compiler,
      ...options,
      "--module",
      module,
      "--moduleResolution",
      resolution,
      "all.mts",
      "program.mts",
    ];
    const { status, stdout } = run(process.execPath, args);
    assert.is(status, 0, stdout);
  });
}

test.run();
