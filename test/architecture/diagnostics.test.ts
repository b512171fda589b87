/** Every code of a message is in docs/diagnostics.md, and every code there is in the sources. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = join(import.meta.dirname, "../..");
const page = "docs/diagnostics.md";

/** Codes as string literals, with a file that has each. */
function codesInSources(): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(join(root, "packages"))) {
    const folder = join("packages", name, "src");
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") || /\.(test|gen)\.ts$/.test(file) || file.includes("testdata")) continue;
      const path = join(folder, file);
      for (const [, code = ""] of readFileSync(join(root, path), "utf8").matchAll(/"([A-Z]{2}\d{3})"/g))
        found.set(code, path);
    }
  }
  return found;
}

function documented(): string[] {
  return [...readFileSync(join(root, page), "utf8").matchAll(/^\| ([A-Z]{2}\d{3}) \|/gm)].map(
    ([, code = ""]) => code,
  );
}

test("codes and the page about them agree", () => {
  const sources = codesInSources();
  const rows = documented();
  assert.ok(sources.size > 150, "codes were found");
  assert.equal(
    [...sources].filter(([code]) => !rows.includes(code)).sort(),
    [],
    `codes without a row in ${page}`,
  );
  assert.equal(
    rows.filter((code) => !sources.has(code)),
    [],
    `rows of ${page} without a source`,
  );
  assert.equal(rows, [...new Set(rows)], `codes that are twice in ${page}`);
});

test.run();
