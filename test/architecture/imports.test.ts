/** The import rules of ARCHITECTURE.md: who may depend on whom, where `node:` is allowed, how long a file may be. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = resolve(import.meta.dirname, "../..");
const maximumLines = 600;

/** Allowed workspace imports. A package's Node corner may use the Node corners of the same packages. */
const graph: Record<string, readonly string[]> = {
  base: [],
  elf: ["base"],
  rewriter: ["base"],
  clang: ["base", "elf"],
  codegen: ["base", "elf"],
  vm: ["base", "elf"],
  loader: ["base", "elf"],
  bpfkit: ["base", "elf", "rewriter", "clang", "codegen", "vm", "loader"],
  tools: ["bpfkit"],
  cli: ["base", "elf", "bpfkit", "tools"],
};

/** Third-party packages, and the only package that may import each. */
const thirdParty: Record<string, string> = {
  elfy: "elf",
  "@wasmer/wasi": "clang",
  "@yowasp/clang": "clang",
  "@oclif/core": "cli",
  koffi: "loader",
  "gecko-profiler-demangle/index_bg.js": "loader",
};

interface SourceText {
  readonly path: string;
  readonly owner: string;
  readonly text: string;
}

function sources(): SourceText[] {
  const found: SourceText[] = [];
  for (const owner of readdirSync(join(root, "packages"))) {
    const folder = join(root, "packages", owner, "src");
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".ts")) continue;
      const path = join(folder, name);
      found.push({ path: relative(root, path), owner, text: readFileSync(path, "utf8") });
    }
  }
  return found;
}

/** What a text imports or exports from elsewhere; without `types`, only what remains when types are erased. */
function imports(text: string, types = true): string[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b([^;'"]*?)from\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']|(?:^|\n)import\s*["']([^"']+)["']/g;
  return [...text.matchAll(pattern)]
    .filter(([, names = "*"]) => types || !isErased(names))
    .map((match) => match[2] ?? match[3] ?? match[4] ?? "");
}

/** Whether every name between `import` and `from` is a type. */
function isErased(names: string): boolean {
  if (/^\s*type\b/.test(names)) return true;
  const braced = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1];
  return braced?.split(",").every((name) => /^\s*(type\b.*)?$/.test(name)) ?? false;
}

/** The workspace folder an import names, or undefined for anything else. */
function workspaceOf(specifier: string): string | undefined {
  if (specifier === "bpfkit" || specifier.startsWith("bpfkit/")) return "bpfkit";
  return specifier.startsWith("@bpfkit/") ? specifier.split("/")[1] : undefined;
}

const isTest = (path: string) => path.endsWith(".test.ts") || path.includes("/testdata/");
const isNodeCorner = (path: string) => /\/src\/(node|linux)\//.test(path) || path.startsWith("packages/cli/");
const all = sources();

test("there is something to check", () => {
  assert.ok(all.length > 50);
  assert.equal(Object.keys(graph).sort(), readdirSync(join(root, "packages")).sort());
});

test("packages import only what the graph allows", () => {
  const wrong: string[] = [];
  for (const { path, owner, text } of all) {
    for (const specifier of imports(text)) {
      const target = workspaceOf(specifier);
      if (target !== undefined && target !== owner && !graph[owner]?.includes(target))
        wrong.push(`${path}: ${specifier}`);
      const allowed = thirdParty[specifier] ?? owner;
      if (allowed !== owner) wrong.push(`${path}: ${specifier}`);
    }
  }
  assert.equal(wrong, []);
});

test("package.json declares exactly the graph", () => {
  for (const [owner, allowed] of Object.entries(graph)) {
    const manifest = JSON.parse(readFileSync(join(root, "packages", owner, "package.json"), "utf8"));
    const declared = Object.keys(manifest.dependencies ?? {})
      .map(workspaceOf)
      .filter((name) => name !== undefined);
    assert.equal(declared.sort(), [...allowed].sort(), owner);
  }
});

test("node: and the Node corners are imported only from Node corners, the CLI and tests", () => {
  const wrong: string[] = [];
  for (const { path, text } of all) {
    if (isTest(path) || isNodeCorner(path)) continue;
    for (const specifier of imports(text)) {
      const leavesBrowser = specifier.startsWith("node:") || /\/(node|linux)(\/|$)/.test(specifier);
      if (leavesBrowser) wrong.push(`${path}: ${specifier}`);
    }
  }
  assert.equal(wrong, []);
});

test("no relative import leaves its package, and no import of values goes in a circle", () => {
  const edges = new Map<string, string[]>();
  for (const { path, owner, text } of all) {
    const targets: string[] = [];
    const values = new Set(imports(text, false));
    for (const specifier of imports(text)) {
      if (!specifier.startsWith(".")) continue;
      const target = relative(root, resolve(root, dirname(path), specifier));
      if (!isTest(path)) assert.ok(target.startsWith(`packages/${owner}/`), `${path}: ${specifier}`);
      if (values.has(specifier)) targets.push(target);
    }
    edges.set(path, targets);
  }
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  for (const start of edges.keys()) {
    const stack: { path: string; next: number }[] = [{ path: start, next: 0 }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top === undefined) break;
      if (top.next === 0) {
        if (state.get(top.path) === "done") {
          stack.pop();
          continue;
        }
        state.set(top.path, "open");
      }
      const target = edges.get(top.path)?.[top.next];
      top.next += 1;
      if (target === undefined) {
        state.set(top.path, "done");
        stack.pop();
      } else if (state.get(target) === "open") {
        cycles.push(`${top.path} -> ${target}`);
      } else if (state.get(target) !== "done" && edges.has(target)) {
        stack.push({ path: target, next: 0 });
      }
    }
  }
  assert.equal(cycles, []);
});

test(`no file is longer than ${maximumLines} lines`, () => {
  const long = all
    .filter(({ path }) => !path.endsWith(".gen.ts"))
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > maximumLines);
  assert.equal(long, []);
});

test("every file says in its first line what it is for", () => {
  const silent = all.filter(({ text }) => !/^(#![^\n]*\n)?(\/\*\*|\/\/)/.test(text)).map(({ path }) => path);
  assert.equal(silent, []);
});

test.run();
