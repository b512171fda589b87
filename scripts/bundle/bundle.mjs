#!/usr/bin/env node
/**
 * Puts the command with all that it imports into a few files, packages/cli/dist/bundle: a start then reads four of them
 * instead of some three hundred modules. Beside them lie
 * - bundle.json: the bundle's id, which is a hash of its texts;
 * - inputs.json, for checkouts only: sizes and times of what says whether the sources were compiled again since.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chunkName, commonJs } from "./chunks.mjs";
import { bundledModules } from "./modules.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const packages = join(root, "packages");
const target = join(packages, "cli/dist/bundle");

/** What changes when sources are compiled, packages installed again or bundles made in another way. */
function inputs() {
  const own = readdirSync(import.meta.dirname).map((name) => join(import.meta.dirname, name));
  const written = readdirSync(packages, { recursive: true, withFileTypes: true })
    .filter(({ name, parentPath }) => name === ".tsbuildinfo" && !parentPath.includes("node_modules"))
    .map(({ name, parentPath }) => join(parentPath, name));
  const profiles = readdirSync(join(packages, "bpfkit/profiles")).map((name) =>
    join(packages, "bpfkit/profiles", name),
  );
  return [...own, ...profiles, ...written, join(root, "node_modules/.package-lock.json")]
    .sort()
    .map((path) => {
      const { size, mtimeMs } = statSync(path);
      return { path: relative(target, path), size, mtimeMs };
    });
}

/** What is fresh stays as it is: it may be running. */
function isFresh(wanted) {
  try {
    return (
      existsSync(join(target, "bundle.json")) && readFileSync(join(target, "inputs.json"), "utf8") === wanted
    );
  } catch {
    return false;
  }
}

const before = JSON.stringify(inputs());
if (isFresh(before)) process.exit(0);
const { outputFiles, metafile, warnings } = await build({
  absWorkingDir: root,
  entryPoints: { main: join(packages, "cli/dist/main.js") },
  outdir: target,
  bundle: true,
  splitting: true,
  write: false,
  metafile: true,
  platform: "node",
  target: "node20",
  format: "esm",
  legalComments: "none",
  plugins: [bundledModules(packages)],
  logLevel: "warning",
});
if (warnings.length > 0) process.exit(1);
const outside = Object.values(metafile.outputs)
  .flatMap(({ imports }) => imports)
  .filter(({ external, path }) => external && !isBuiltin(path));
if (outside.length > 0) {
  console.error(`The bundle lacks ${outside.map(({ path }) => path).join(", ")}.`);
  process.exit(1);
}

const texts = new Map();
for (const { path, text } of outputFiles) texts.set(chunkName(path), await commonJs(text));
const hash = createHash("sha256");
for (const [name, text] of [...texts].sort(([left], [right]) => (left < right ? -1 : 1))) {
  hash.update(`${name} ${text.length}\n${text}`);
}
// The bundled profile decides builds as much as code does.
const profiles = join(packages, "bpfkit/profiles");
for (const name of readdirSync(profiles).sort()) hash.update(readFileSync(join(profiles, name)));
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [name, text] of texts) writeFileSync(join(target, name), text);
writeFileSync(join(target, "inputs.json"), before);
writeFileSync(join(target, "bundle.json.new"), `${JSON.stringify({ id: hash.digest("hex") })}\n`);
// What is not whole has no such file.
renameSync(join(target, "bundle.json.new"), join(target, "bundle.json"));
