/**
 * Builds every `*.bpf.c` of a folder with native clang-19 and its libbpf headers, and with bpfkit and nothing but bpfkit's
 * own, and compares: does it build, does this machine's kernel load it where it loads clang's (nothing is attached),
 * instruction counts, CO-RE relocations, `bpftool btf dump` up to numbering and order. For checkouts of bcc's libbpf-tools,
 * of libbpf-bootstrap's examples/c, or of one's own programs. Exit code 1 where bpfkit does not build or load something.
 *
 * Usage: npm run corpus:libbpf -- FOLDER [--libbpf FOLDER] [--btf host] [--no-load]
 * [--only PATTERN] [-D NAME[=VALUE]] [-I FOLDER]; `--same-types` gives bpfkit
 * clang's whole vmlinux.h, without which BTF differs by the types that bpfkit leaves out; `--libbpf` is a folder with `bpf/bpf_helpers.h`, for clang only (default: /usr/include).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { BtfTable, printC } from "@bpfkit/elf/btf";
import { Builder } from "bpfkit/node";
import { listDifference, objectFacts, typeDifference } from "../test/corpus/codegen/compare.ts";
import { btfDump, loadRefusal, targetDefines } from "../test/corpus/codegen/native.ts";
import { canLoadBpf, requireTool } from "../test/support/native-tools.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    libbpf: { type: "string", default: "/usr/include" },
    btf: { type: "string" },
    "no-load": { type: "boolean", default: false },
    only: { type: "string", default: "" },
    "same-types": { type: "boolean", default: false },
    define: { type: "string", short: "D", multiple: true, default: [] },
    include: { type: "string", short: "I", multiple: true, default: [] },
  },
});

/** Totals of a run. */
const counts = { native: 0, built: 0, nativeLoaded: 0, loaded: 0, equalCore: 0, equalBtf: 0 };
const ratios: number[] = [];

/** Clang's first error, or undefined where it built. */
function buildNatively(clang: string, source: string, folders: readonly string[], output: string) {
  const args = [
    ...["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wno-everything"],
    ...[...targetDefines, ...options.define].map((define) => `-D${define}`),
    ...folders.map((folder) => `-I${folder}`),
  ];
  try {
    execFileSync(clang, [...args, "-c", source, "-o", output], { stdio: ["ignore", "ignore", "pipe"] });
    return undefined;
  } catch (error) {
    const text = String((error as { stderr?: Buffer }).stderr ?? error);
    return text.split("\n").find((line) => line.includes("error: ")) ?? text;
  }
}

function explain(error: unknown): string {
  if (!(error instanceof BpfkitError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const first = error.diagnostics.find(({ severity }) => severity === "error")?.range;
  return `${error.code}: ${error.message.split("\n")[0]}${first === undefined ? "" : ` (${first.file}:${first.line})`}`;
}

async function compare(
  bpftool: string,
  name: string,
  ours: string,
  native: string,
  load: boolean,
): Promise<void> {
  const [own, other] = [ours, native].map((file) => objectFacts(new Uint8Array(readFileSync(file)), name));
  if (own === undefined || other === undefined) return;
  const say = (what: string) => console.log(`${name.padEnd(28)}${what}`);
  const ratio = own.instructions / other.instructions;
  if (other.instructions > 0) ratios.push(ratio);
  if (ratio > 1.1) say(`size: ${own.instructions} instructions, clang's has ${other.instructions}`);
  const core = listDifference(own.coreRelocations, other.coreRelocations);
  if (core === undefined) counts.equalCore++;
  else say(`core: ${core}`);
  const btf = typeDifference(await btfDump(bpftool, ours), await btfDump(bpftool, native));
  if (btf === undefined) counts.equalBtf++;
  else say(`btf: ${btf}`);
  if (!load || (await loadRefusal(bpftool, native)) !== undefined) return;
  counts.nativeLoaded++;
  const refusal = await loadRefusal(bpftool, ours);
  if (refusal === undefined) counts.loaded++;
  else say(`FAILED load: ${refusal}`);
}

async function main(folder: string): Promise<number> {
  const [clang, bpftool] = [requireTool("clang-19"), requireTool("bpftool")];
  if (clang === undefined || bpftool === undefined) return 1;
  const load = !options["no-load"] && canLoadBpf();
  const work = mkdtempSync(join(tmpdir(), "bpfkit-libbpf-"));
  const builder = new Builder({
    cache: false,
    defines: options.define,
    includeDirs: [...options.include, folder, ...(options["same-types"] ? [work] : [])],
    ...(options.btf === undefined ? {} : { btf: options.btf }),
  });
  const btf = BtfTable.decode(builder.profile.btf);
  const ids = Array.from({ length: btf.typeCount - 1 }, (_, index) => index + 1);
  const types = printC(btf, ids, { preserveAccessIndex: true });
  writeFileSync(join(work, "vmlinux.h"), `#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n${types}\n#endif\n`);
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const folders = [
    ...options.include,
    folder,
    work,
    options.libbpf,
    `/usr/include/${machine}-linux-gnu`,
    "/usr/include",
  ];
  const only = new RegExp(options.only);
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".bpf.c") && only.test(name))
    .sort();
  let failures = 0;
  for (const name of names) {
    const file = join(folder, name);
    const native = join(work, "native.o");
    const refused = buildNatively(clang, file, folders, native);
    if (refused === undefined) counts.native++;
    else console.log(`${name.padEnd(28)}clang refuses: ${refused}`);
    const ours = join(work, "own.o");
    try {
      const { object } = await builder.compile({ file, text: readFileSync(file, "utf8") });
      writeFileSync(ours, object);
    } catch (error) {
      console.log(
        `${name.padEnd(28)}${refused === undefined ? "FAILED build" : "bpfkit too"}: ${explain(error)}`,
      );
      if (refused === undefined) failures++;
      continue;
    }
    if (refused !== undefined) {
      console.log(`${name.padEnd(28)}bpfkit builds it`);
      continue;
    }
    counts.built++;
    await compare(bpftool, name, ours, native, load);
  }
  await builder.close();
  rmSync(work, { recursive: true });
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  const { native, built, nativeLoaded, loaded, equalCore, equalBtf } = counts;
  console.log(
    `${names.length} files; ${built}/${native} built, ${loaded}/${nativeLoaded} loaded, ${mean.toFixed(4)}x size, ` +
      `${equalCore}/${built} equal CO-RE, ${equalBtf}/${built} equal BTF`,
  );
  return failures + (nativeLoaded - loaded) === 0 && names.length > 0 ? 0 : 1;
}

const [folder] = positionals;
if (folder === undefined) {
  console.error("usage: corpus-libbpf.ts FOLDER (with *.bpf.c)");
  process.exitCode = 2;
} else process.exitCode = await main(folder);
