/** The tools' pages: each tool has one, it fits a terminal, and what its examples show is what the VM prints. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { toolByName, tools } from "@bpfkit/tools";
import { loadTool, toolNames } from "@bpfkit/tools/load";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ToolRunner } from "../support/tool-run.ts";

const folder = resolve(import.meta.dirname, "../../packages/tools/src");
const runner = new ToolRunner();
const test = suite("pages");
test.after(() => runner.close());

const pageOf = (name: string) => readFileSync(join(folder, name, `${name}.md`), "utf8");

/** The fenced blocks of a page. */
const blocks = (page: string) => [...page.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);

/** The words of a command line such as `bpfkit run syscount -L`, without `bpfkit run`. */
const command = /^\$ bpfkit run (\S+) ?(.*)$/m;

test("tools that are loaded one by one are those of the list", async () => {
  assert.equal(
    toolNames,
    tools.map(({ name }) => name),
  );
  for (const tool of tools) assert.is(await loadTool(`tools/${tool.name}`), tool);
  assert.is(await loadTool("constructor"), undefined);
});

for (const { name } of tools) {
  test(`${name}: 80 columns, an example, its reading, overhead and caveats`, () => {
    const page = pageOf(name);
    assert.ok(page.startsWith(`# ${name}\n`));
    assert.match(page, /^## Where it attaches$/m);
    assert.match(page, /^## Overhead and caveats$/m);
    assert.ok(blocks(page).some((block) => command.test(block)));
    const prose = page.replace(/^```\n[\s\S]*?^```$/gm, "").split("\n");
    assert.equal(
      prose.filter((line) => line.length > 80),
      [],
    );
  });

  test(`${name}: every option is one that the tool has`, async () => {
    const { lines } = await runner.run(toolByName(name)!, { argv: ["--help"] });
    const help = lines.join("\n");
    for (const [, option = ""] of pageOf(name).matchAll(/(?<![\w`])`(-[A-Za-z0-9]|--[a-z-]+)[ `]/g)) {
      assert.ok(help.includes(` ${option}`), option);
    }
  });

  test(`${name}: the examples' lines are printed, in their order`, async () => {
    for (const block of blocks(pageOf(name))) {
      const [, tool = "", words = ""] = command.exec(block) ?? [];
      if (tool === "") continue;
      assert.is(tool, name);
      const argv = words.split(" ").filter((word) => word !== "");
      const { lines } = await runner.run(toolByName(name)!, { argv });
      const printed = lines.flatMap((line) => line.split("\n")).map((line) => line.trimEnd());
      let from = 0;
      for (const line of block.split("\n").slice(1)) {
        if (line === "") continue;
        const at = printed.indexOf(line, from);
        assert.ok(at >= 0, `${name} ${words} does not print this, or not there: ${line}`);
        from = at + 1;
      }
    }
  });
}

test.run();
