/** Tests of the build cache: keys, damage, and folders that cannot be written. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CacheKey, ResultCache } from "./result-cache.ts";

const key: CacheKey = {
  file: "a.c",
  text: "int x;",
  headers: new Map([["h.h", "#define A 1"]]),
  options: ["-mcpu=v3"],
  profile: "p",
  implementation: "i",
};
const build = {
  object: new Uint8Array([1, 2, 10, 3]),
  diagnostics: [{ severity: "warning", code: "CC001", message: "careful" }] as const,
};

const test = suite<{ folder: string; warnings: string[] }>("result cache");
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "bpfkit-cache-"));
  context.warnings = [];
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const open = (context: { folder: string; warnings: string[] }, folder = context.folder) =>
  new ResultCache(folder, (message) => context.warnings.push(message));

test("gives back what was put, to another instance too", (context) => {
  open(context).put(key, build);
  assert.equal(open(context).get(key), { ...build });
});

test("any changed input is another key", (context) => {
  open(context).put(key, build);
  const others: CacheKey[] = [
    { ...key, file: "b.c" },
    { ...key, text: "int y;" },
    { ...key, headers: new Map([["h.h", "#define A 2"]]) },
    { ...key, options: ["-mcpu=v2"] },
    { ...key, profile: "q" },
    { ...key, implementation: "j" },
    { ...key, file: "a.cint", text: " x;" },
  ];
  for (const other of others) assert.is(open(context).get(other), undefined);
});

test("a damaged entry counts as absent", (context) => {
  open(context).put(key, build);
  const path = join(context.folder, readdirSync(context.folder)[0] ?? "");
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = 0xff;
  writeFileSync(path, bytes);
  assert.is(open(context).get(key), undefined);
  writeFileSync(path, "");
  assert.is(open(context).get(key), undefined);
});

test("an entry under the name of another key is not that key's", (context) => {
  const other = { ...key, text: "int y;" };
  open(context).put(key, build);
  const [first = ""] = readdirSync(context.folder);
  open(context).put(other, build);
  const second = readdirSync(context.folder).find((name) => name !== first) ?? "";
  renameSync(join(context.folder, first), join(context.folder, second));
  assert.is(open(context).get(other), undefined);
});

test("an entry that others may write counts as absent", (context) => {
  open(context).put(key, build);
  chmodSync(join(context.folder, readdirSync(context.folder)[0] ?? ""), 0o620);
  assert.is(open(context).get(key), undefined);
});

test("a folder that cannot be made warns once and does not fail", (context) => {
  writeFileSync(join(context.folder, "file"), "");
  const cache = open(context, join(context.folder, "file", "below"));
  cache.put(key, build);
  cache.put(key, build);
  assert.is(context.warnings.length, 1);
  assert.is(cache.get(key), undefined);
});

test("folders are made where there is none, and a file system that takes none is no endless loop", (context) => {
  const cache = open(context, join(context.folder, "two", "deep"));
  cache.put(key, build);
  assert.equal(cache.get(key), { ...build });
  assert.equal(context.warnings, []);
  if (!existsSync("/proc/self")) return;
  open(context, "/proc/no/such").put(key, build);
  assert.is(context.warnings.length, 1);
});

test.run();
