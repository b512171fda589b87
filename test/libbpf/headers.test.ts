/** The bundled libbpf headers: the names Debian's libbpf-dev has are all there, and programs become what its headers make of them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createNodeClang } from "@bpfkit/clang/node";
import { BtfTable, decodeExtInfo } from "@bpfkit/elf/btf";
import { readObject } from "@bpfkit/elf/object";
import { bccHeaders, helperDeclarations, helperNames, includeRoot } from "@bpfkit/rewriter";
import { rewriteSource } from "bpfkit";
import { Builder } from "bpfkit/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { listDifference, objectFacts, typeDifference } from "../corpus/codegen/compare.ts";
import { refusalOf } from "../corpus/host-load.ts";
import { typeDump } from "../support/btf-dump.ts";
import { compileNative } from "../support/compile-native.ts";
import { NativeUnit } from "../support/native-build.ts";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";

const debian = "/usr/include/bpf";
const headers = ["bpf_helpers.h", "bpf_core_read.h", "bpf_tracing.h", "bpf_endian.h", "usdt.bpf.h"];

/** Interface names that came after Debian's libbpf 1.1, up to 1.7; facts of libbpf's headers. */
const later: Readonly<Record<string, string>> = {
  "bpf_helpers.h":
    "__ulong __percpu_kptr __uptr __arg_ctx __arg_nonnull __arg_nullable __arg_trusted __arg_untrusted __arg_arena " +
    "bpf_ksym_exists bpf_for bpf_for_each bpf_repeat bpf_iter_num_new bpf_iter_num_next bpf_iter_num_destroy likely " +
    "unlikely bpf_stream_printk",
  "bpf_core_read.h": "bpf_core_cast bpf_core_type_matches BPF_CORE_WRITE_BITFIELD bpf_rdonly_cast",
  "bpf_tracing.h":
    "BPF_PROG2 PT_REGS_PARM6 PT_REGS_PARM7 PT_REGS_PARM8 PT_REGS_PARM6_SYSCALL PT_REGS_PARM7_CORE_SYSCALL",
  "usdt.bpf.h": "bpf_usdt_arg_size BPF_USDT_ARG_SIB",
};

const test = suite("libbpf headers");
const clang = createNodeClang();
const builder = new Builder({ cache: false });

test.after(async () => {
  await clang.close();
  await builder.close();
});

/** Macros, functions, types and enumerators that a header's text defines. Names after three underscores are its own business. */
function interfaceNames(text: string): Set<string> {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\\\n/g, " ");
  const names = [...code.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)/gm)].map(([, name = ""]) => name);
  const plain = code.replace(/^[ \t]*#.*$/gm, "");
  for (const [, tag = "", body = ""] of plain.matchAll(/\benum (\w+)\s*\{([^}]*)\}/g)) {
    names.push(tag, ...[...body.matchAll(/(\w+)\s*(?:=[^,]*)?(?:,|$)/g)].map(([, name = ""]) => name));
  }
  for (const [, name = ""] of plain.matchAll(/\bstruct (\w+)\s*\{/g)) names.push(name);
  for (const [, name = ""] of plain.matchAll(/^[\w \t*]*?\b(\w+)\((?:void|struct|const|int)\b/gm))
    names.push(name);
  return new Set(names.filter((name) => !name.startsWith("___") && name !== ""));
}

function own(header: string): string {
  const text = bccHeaders().get(`bpf/${header}`);
  if (text === undefined) throw new Error(`there is no bpf/${header}`);
  return text;
}

/** True where Debian's libbpf-dev is installed; loud where not. */
function hasDebian(): boolean {
  if (existsSync(join(debian, "bpf_helpers.h"))) return true;
  if (process.env["CI"] !== undefined) throw new Error("libbpf-dev is not installed");
  process.stderr.write("SKIPPED: libbpf-dev is not installed; the checks against its headers did not run\n");
  return false;
}

for (const header of headers) {
  test(`${header} has the names of libbpf's`, () => {
    const names = interfaceNames(own(header));
    for (const name of (later[header] ?? "").split(" ").filter((word) => word !== ""))
      assert.ok(names.has(name), `${name} is missing`);
    if (!hasDebian()) return;
    const theirs = interfaceNames(readFileSync(join(debian, header), "utf8"));
    assert.ok(theirs.size > 5, `names were found in ${header}`);
    // Debian's has the names of machines inside, which select registers; users give __TARGET_ARCH_*.
    const missing = [...theirs].filter((name) => !names.has(name));
    assert.equal(missing, [], `names that bpf/${header} lacks`);
  });
}

test("bpf_helper_defs.h declares every helper as libbpf's does", () => {
  const declared = declarations(helperDeclarations(helperNames, new Set()));
  if (!hasDebian()) return;
  const theirs = declarations(readFileSync(join(debian, "bpf_helper_defs.h"), "utf8"));
  assert.ok(theirs.size > 200);
  for (const [name, text] of theirs) assert.is(declared.get(name), differs.get(name) ?? text);
});

/** Linux 6.1 itself says u32 for what libbpf 1.1 took from a later kernel. */
const differs = new Map([
  ["bpf_redirect_map", "long bpf_redirect_map(void*map, __u32 key, __u64 flags) = 51"],
]);

/** `type name parameters number` of each declaration, without spaces and parameter names' order lost. */
function declarations(text: string): Map<string, string> {
  const found = text.matchAll(
    /^static ([^()]*)\(\*\s*(?:const )?(bpf_\w+)\)\(([^;]*)\) = \(void \*\) ?(\d+);/gm,
  );
  const squeeze = (part: string) =>
    part
      .replace(/\s+/g, " ")
      .replace(/ ?\* ?/g, "*")
      .trim();
  return new Map(
    [...found].map(([, type = "", name = "", parameters = "", id = ""]) => [
      name,
      // Later kernels have const where earlier ones had not.
      `${squeeze(type)} ${name}(${squeeze(parameters.replace(/\bconst /g, ""))}) = ${id}`,
    ]),
  );
}

/** Programs whose macros Debian's headers lack or lay out otherwise (USDT): clang is given bpfkit's headers, too. */
const withOwnHeaders = new Set(["newer.bpf.c", "usdt.bpf.c"]);
/** Programs on uapi headers: clang is given the system's, and nothing of bpfkit's. */
const withSystemHeaders = new Set(["uapi.bpf.c"]);
/**
 * How much larger than clang's a program may be. BPF_CORE_WRITE_BITFIELD switches over powers of two, which the optimiser of
 * the WebAssembly clang, of a later LLVM, turns into bit counts that BPF has no instructions for.
 */
const largestRatios = new Map([["newer.bpf.c", 1.15]]);
const folder = join(import.meta.dirname, "programs");

/** Clang's object for the same text and types, with the libbpf headers that it is to have. */
async function unitBuild(native: string, source: { file: string; text: string }): Promise<Uint8Array> {
  const options = { cpu: "v3", defines: [], includeDirs: [] } as const;
  const { unit, rewritten } = await rewriteSource(source, builder.profile, clang, options);
  const request = unit.codeRequest(rewritten);
  const files = new Map(request.files);
  if (!withOwnHeaders.has(source.file)) {
    for (const header of [...headers, "bpf_helper_defs.h"])
      files.set(`${includeRoot}/bpf/${header}`, readFileSync(join(debian, header), "utf8"));
  }
  const oracle = new NativeUnit({ ...request, files });
  try {
    return oracle.build(native);
  } finally {
    oracle.close();
  }
}

function systemBuild(name: string): Uint8Array | undefined {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const url = pathToFileURL(join(folder, name));
  return compileNative(url, "v3", [
    `-I/usr/include/${machine}-linux-gnu`,
    "-ffreestanding",
    "-Wno-everything",
  ]);
}

/** What .BTF.ext says of functions and lines. */
function records(object: Uint8Array, name: string) {
  const { sections } = readObject(object, name);
  const data = (wanted: string) => sections.find((each) => each.name === wanted)?.data ?? new Uint8Array();
  const btf = BtfTable.decode(data(".BTF"));
  const ext = decodeExtInfo(data(".BTF.ext"), btf);
  const funcs = [...ext.funcs].map(([section, list]) => [
    section,
    list.map(({ typeId }) => btf.nameOf(typeId)),
  ]);
  const lines = [...ext.lines].flatMap(([section, list]) => list.map((line) => ({ section, ...line })));
  return { funcs, lines };
}

/**
 * The same functions in the same order; lines with the text that stands there; nearly all places of clang's among bpfkit's,
 * which has more of them: clang-19 moves instructions together that bpfkit leaves where they are in C.
 */
function compareRecords(
  source: { file: string; text: string },
  ours: ReturnType<typeof records>,
  theirs: ReturnType<typeof records>,
): void {
  assert.equal(ours.funcs, theirs.funcs, "function records");
  for (const { file, line, text } of ours.lines) {
    const isProgram = file === `./${source.file}`;
    const header = bccHeaders().get(file.replace(`${includeRoot}/`, ""));
    assert.is(text, (isProgram ? source.text : (header ?? "")).split("\n")[line - 1], `${file}:${line}`);
  }
  const place = ({ section, line, column }: (typeof ours.lines)[number]) => `${section} ${line}:${column}`;
  const mine = new Set(ours.lines.map(place));
  const native = [...new Set(theirs.lines.map(place))];
  const missing = native.filter((each) => !mine.has(each));
  assert.ok(
    missing.length <= 0.15 * native.length,
    `places of clang's that are missing: ${missing.join(", ")}`,
  );
}

for (const name of readdirSync(folder).sort()) {
  test(`${name} becomes what clang makes of it`, async () => {
    const native = requireTool("clang-19");
    const bpftool = requireTool("bpftool");
    if (native === undefined || bpftool === undefined || !hasDebian()) return;
    const source = { file: name, text: readFileSync(join(folder, name), "utf8") };
    const { object: ours } = await builder.compile(source);
    const theirs = withSystemHeaders.has(name) ? systemBuild(name) : await unitBuild(native, source);
    if (theirs === undefined) return;
    const [mine, other] = [objectFacts(ours, name), objectFacts(theirs, name)];
    assert.is(listDifference(mine.coreRelocations, other.coreRelocations), undefined, "CO-RE relocations");
    assert.is(typeDifference(typeDump(bpftool, ours), typeDump(bpftool, theirs)), undefined, "BTF");
    compareRecords(source, records(ours, name), records(theirs, name));
    const ratio = mine.instructions / other.instructions;
    assert.ok(
      ratio < (largestRatios.get(name) ?? 1.1),
      `${mine.instructions} instructions, clang's has ${other.instructions}`,
    );
    if (canLoadBpf() && refusalOf(bpftool, theirs) === undefined)
      assert.is(refusalOf(bpftool, ours), undefined, "the kernel takes clang's object");
  });
}

test("types from uapi headers are not relocated", async () => {
  const text = readFileSync(join(folder, "uapi.bpf.c"), "utf8");
  const { object } = await builder.compile({ file: "uapi.bpf.c", text });
  assert.is(objectFacts(object, "uapi").coreRelocations.length, 0);
});

test("-I comes before the bundled headers", async () => {
  const dir = "/user";
  const text =
    '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nint x SEC("license") = THEIRS + sizeof(struct mine);\n';
  const own = new Map([
    [`${dir}/vmlinux.h`, "struct mine { char bytes[40]; };\n"],
    [
      `${dir}/bpf/bpf_helpers.h`,
      "#define SEC(name) __attribute__((section(name), used))\n#define THEIRS 2\n",
    ],
  ]);
  const { compile } = await import("bpfkit");
  const options = { cpu: "v3", defines: [], includeDirs: [dir], headers: own } as const;
  const { ir } = await compile({ file: "own.bpf.c", text }, builder.profile, clang, options);
  assert.match(ir, /@x = .* i32 42/);
});

test("every machine's registers are known", async () => {
  const machines = "x86 arm64 s390 arm mips powerpc sparc riscv arc loongarch".split(" ");
  const btf = BtfTable.decode(builder.profile.btf);
  assert.ok(btf.typeCount > 0);
  for (const machine of machines) {
    const text = [
      '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>',
      ...["PARM1", "PARM4", "RET", "RC", "SP", "IP"].map(
        (register) =>
          `#define text_(x) #x\n#define text(x) text_(x)\nchar ${register}[] = text(PT_REGS_${register}(p));`,
      ),
    ].join("\n");
    const { compile } = await import("bpfkit");
    const defines = [`__TARGET_ARCH_${machine}=1`];
    const source = { file: `${machine}.bpf.c`, text };
    const { ir } = await compile(source, builder.profile, clang, { cpu: "v3", defines, includeDirs: [] });
    const registers = [...ir.matchAll(/c"[^"]*->([^")]+)\)\\00"/g)].map(([, register]) => register);
    assert.is(registers.length, 6, `${machine}: ${ir.match(/^@.*$/gm)?.join("\n")}`);
    assert.is(
      registers.filter((register) => register?.startsWith("__")).length,
      0,
      `${machine}: ${registers}`,
    );
  }
});

test.run();
