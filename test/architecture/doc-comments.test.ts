/** Every exported declaration of the packages has a doc comment; a function's overloads share one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const packages = join(import.meta.dirname, "../../packages");
const declaration =
  /^export (?:default )?(?:declare |abstract |async )*(?:class|function\*?|const|let|interface|type|enum) (\w+)/;

interface Found {
  readonly exported: number;
  readonly bare: readonly string[];
}

/** Exported declarations of a text, and `line: name` of those right above which no doc comment ends. */
function findBare(text: string): Found {
  const lines = text.split("\n");
  const described = new Set<string>();
  const bare: string[] = [];
  let exported = 0;
  for (const [index, line] of lines.entries()) {
    const name = declaration.exec(line)?.[1];
    if (name === undefined) continue;
    exported += 1;
    // A comment in the first line is the file's.
    if (index > 1 && isDocEnd(lines, index - 1)) described.add(name);
    else if (!described.has(name)) bare.push(`${index + 1}: ${name}`);
  }
  return { exported, bare };
}

function isDocEnd(lines: readonly string[], end: number): boolean {
  if (lines[end]?.endsWith("*/") !== true) return false;
  let start = end;
  while (start > 0 && lines[start]?.includes("/*") === false) start -= 1;
  return lines[start]?.startsWith("/**") === true && (start > 0 || end === 0);
}

test("a missing comment is found, also below the file's own", () => {
  assert.equal(findBare("/** File. */\nexport const a = 1;\n").bare, ["2: a"]);
  assert.equal(findBare("/** File. */\n\n/* No doc. */\nexport class A {}\n").bare, ["4: A"]);
  assert.equal(findBare("/** File. */\n\n/** Doc. */\nexport class A {}\nexport type B = A;\n").bare, [
    "5: B",
  ]);
  const overloads = "/** File. */\n\n/** Doc. */\nexport function f(): void;\nexport function f(): void {}\n";
  assert.equal(findBare(overloads), { exported: 2, bare: [] });
});

test("every exported declaration has a doc comment", () => {
  const bare: string[] = [];
  let exported = 0;
  for (const owner of readdirSync(packages)) {
    for (const name of readdirSync(join(packages, owner, "src"), { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".ts") || /\.(test|gen)\.ts$/.test(name)) continue;
      const found = findBare(readFileSync(join(packages, owner, "src", name), "utf8"));
      exported += found.exported;
      bare.push(...found.bare.map((place) => `packages/${owner}/src/${name}:${place}`));
    }
  }
  assert.ok(exported > 1000, `${exported} declarations were found`);
  assert.equal(bare, []);
});

test.run();
