/** Packs what scripts/make-profile.sh got out of a booted kernel into one `.bpfkit-profile` file. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants } from "node:zlib";
import { writeProfileContainer } from "../packages/bpfkit/src/node/profile-container.ts";

const { values } = parseArgs({
  options: {
    facts: { type: "string" },
    name: { type: "string" },
    package: { type: "string" },
    version: { type: "string" },
    sha256: { type: "string" },
    output: { type: "string" },
  },
});

function option(name: keyof typeof values): string {
  const value = values[name];
  if (value === undefined || value === "") throw new Error(`make-profile: --${name} is missing`);
  return value;
}

function section(name: string, raw: Uint8Array) {
  const bytes = brotliCompressSync(raw, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
    },
  });
  process.stdout.write(`${name}: ${raw.length} bytes, compressed ${bytes.length}\n`);
  return { name, bytes, rawSize: raw.length };
}

/** What kprobes accept of what ftrace lists, in the kernel's order; duplicates are static functions of one name. */
function probeableFunctions(facts: string): string {
  // A line of the blacklist is `0xSTART-0xEND<tab>NAME`.
  const blacklist = readFileSync(join(facts, "blacklist"), "utf8").split("\n");
  const refused = new Set(blacklist.map((line) => line.split("\t")[1]));
  const names = readFileSync(join(facts, "functions"), "utf8").split("\n");
  return names.filter((name) => name !== "" && !refused.has(name)).join("\n");
}

const facts = option("facts");
const output = option("output");
const text = new TextEncoder();
const file = writeProfileContainer(
  {
    name: option("name"),
    release: readFileSync(join(facts, "release"), "utf8").trim(),
    architecture: "x86_64",
    origin: { package: option("package"), version: option("version"), sha256: option("sha256") },
  },
  [
    section("btf", readFileSync(join(facts, "btf"))),
    section("formats", readFileSync(join(facts, "formats"))),
    section("functions", text.encode(probeableFunctions(facts))),
  ],
);
mkdirSync(dirname(output), { recursive: true });
writeFileSync(`${output}.part`, file);
renameSync(`${output}.part`, output);
process.stdout.write(`${output}: ${file.length} bytes\n`);
