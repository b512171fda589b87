/** What the documents say is there, is there: paths, commands, scripts, workspaces. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { toolByName, tools } from "@bpfkit/tools";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = resolve(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");
const documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

test("every path in the documents exists", () => {
  const missing: string[] = [];
  let paths = 0;
  for (const name of documents) {
    for (const [, path = ""] of read(name).matchAll(
      /`((?:packages|test|bench|scripts|templates|\.ci)\/[^`\s*]+)`/g,
    )) {
      paths += 1;
      if (!existsSync(join(root, path))) missing.push(`${name}: ${path}`);
    }
    for (const [, link = ""] of read(name).matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      if (!existsSync(join(root, link))) missing.push(`${name}: ${link}`);
    }
  }
  assert.equal(missing, []);
  assert.ok(paths > 10);
});

test("the README's table of tools names every option that they have, and no others", async () => {
  const rows = [...read("README.md").matchAll(/^\| \[(\w+)\]\(packages\/tools[^|]*\|[^|]*\|(.*)\|$/gm)];
  assert.is(rows.length, tools.length);
  for (const [, name = "", options = ""] of rows) {
    const help: string[] = [];
    await toolByName(name)?.run(["--help"], { write: (line: string) => help.push(line) } as never);
    const all = help.flatMap((line) => /^ {2}(?:(-\w),| {2}) *(--[\w-]+)/.exec(line)?.slice(1, 3) ?? []);
    const named = new Set(options.match(/(?<=`)--?[\w-]+(?=`)/g));
    assert.equal(
      [...named].filter((option) => !all.includes(option)),
      [],
      name,
    );
    for (let row = 2; row < all.length; row += 2) {
      const [short, long = ""] = all.slice(row, row + 2);
      assert.ok(named.has(short ?? long) || named.has(long), `${name} ${short ?? long}`);
    }
  }
});

test("the README's JavaScript runs", () => {
  const [, program = ""] = /```js\n([\s\S]*?)```/.exec(read("README.md")) ?? [];
  assert.match(program, "openBpf");
  const path = join(root, "test", `readme-example-${process.pid}.mjs`);
  writeFileSync(path, program);
  try {
    const output = execFileSync(process.execPath, [path], {
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    assert.match(output, /^user 1000 executed \d+ programs$/m);
  } finally {
    rmSync(path);
  }
});

test("every npm script in the documents exists", () => {
  const { scripts } = JSON.parse(read("package.json"));
  for (const name of documents) {
    for (const [, script = ""] of read(name).matchAll(/npm run ([a-z:]+)/g)) {
      assert.ok(scripts[script] !== undefined, `${name}: npm run ${script}`);
    }
  }
});

test("the README lists the bundled tools, commands and scenarios", async () => {
  const readme = read("README.md");
  const { tools } = await import("@bpfkit/tools");
  const { scenarios } = await import("@bpfkit/vm/kernel");
  for (const { name } of [...tools, ...scenarios]) assert.ok(readme.includes(name), name);
  for (const file of readdirSync(join(root, "packages/cli/src/commands"))) {
    assert.ok(readme.includes(`bpfkit ${file.replace(".ts", "")}`), file);
  }
});

test("SUPPORT.md says of every section name how it is attached and tested", async () => {
  const { sectionDefinitions } = await import("../../packages/loader/src/spec/sections.ts");
  const page = read("SUPPORT.md");
  for (const { prefix } of sectionDefinitions) assert.ok(page.includes(`\`${prefix}\``), prefix);
});

test("the architecture page names every package", () => {
  const page = read("ARCHITECTURE.md");
  for (const name of readdirSync(join(root, "packages"))) assert.ok(page.includes(`packages/${name}`), name);
});

test.run();
