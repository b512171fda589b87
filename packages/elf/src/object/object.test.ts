/** Oracles: objects of clang-19, and llvm-readelf-19, llvm-objdump-19 and bpftool reading what we write. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import { BtfTable, decodeExtInfo } from "../btf/index.ts";
import { assemble, encodeInstructions } from "../isa/index.ts";
import {
  type ObjectFile,
  type ObjectSection,
  RelocationType,
  readObject,
  relocationTypeName,
  SectionFlag,
  SectionType,
  writeObject,
} from "./index.ts";

const clang = requireTool("clang-19");
const folder = mkdtempSync(join(tmpdir(), "bpfkit-object-"));
test.after(() => rmSync(folder, { recursive: true }));

function compile(...flags: string[]): Uint8Array {
  const output = join(folder, "clang.o");
  const source = join(import.meta.dirname, "testdata/tool.c");
  execFileSync(clang ?? "", ["-target", "bpf", "-O2", ...flags, "-c", source, "-o", output]);
  return new Uint8Array(readFileSync(output));
}

function run(tool: string, flags: readonly string[], bytes: Uint8Array): string {
  const file = join(folder, "object.o");
  writeFileSync(file, bytes);
  return execFileSync(requireTool(tool) ?? "", [...flags, file], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function section(object: ObjectFile, name: string): ObjectSection {
  const found = object.sections.find((candidate) => candidate.name === name);
  assert.ok(found, `no section ${name}`);
  return found as ObjectSection;
}

const minimal: ObjectFile = {
  flags: 0,
  sections: [
    {
      name: "xdp",
      type: SectionType.Progbits,
      flags: SectionFlag.Alloc | SectionFlag.Execinstr,
      addressAlign: 8,
      entrySize: 0,
      size: 32,
      data: encodeInstructions(assemble("r1 = 0 ll\nw0 = 2\nexit")),
      relocations: [{ offset: 0, type: RelocationType.R_BPF_64_64, symbol: 0 }],
    },
    {
      name: ".bss",
      type: SectionType.Nobits,
      flags: SectionFlag.Alloc | SectionFlag.Write,
      addressAlign: 8,
      entrySize: 0,
      size: 24,
      data: new Uint8Array(0),
      relocations: [],
    },
  ],
  symbols: [
    {
      name: "total",
      value: 8,
      size: 8,
      binding: "global",
      type: "object",
      visibility: "default",
      section: 1,
    },
    { name: "pass", value: 0, size: 32, binding: "global", type: "func", visibility: "hidden", section: 0 },
    { name: "", value: 0, size: 0, binding: "local", type: "section", visibility: "default", section: 0 },
    {
      name: "ext",
      value: 0,
      size: 0,
      binding: "weak",
      type: "notype",
      visibility: "default",
      section: "undefined",
    },
    {
      name: "a.c",
      value: 0,
      size: 0,
      binding: "local",
      type: "file",
      visibility: "default",
      section: "absolute",
    },
  ],
};

test("locals move to the front and relocations follow them", () => {
  const copy = readObject(writeObject(minimal));
  assert.equal(
    copy.symbols.map(({ name }) => name),
    ["", "a.c", "total", "pass", "ext"],
  );
  assert.is(copy.symbols[copy.sections[0]?.relocations[0]?.symbol ?? -1]?.name, "total");
  assert.equal(copy.sections[1], minimal.sections[1]);
  assert.equal(
    new Set(copy.symbols.map((symbol) => JSON.stringify(symbol))),
    new Set(minimal.symbols.map((symbol) => JSON.stringify(symbol))),
  );
  assert.equal(writeObject(copy), writeObject(minimal));
});

test("objects that contradict themselves are not written", () => {
  const [code, bss] = minimal.sections as [ObjectSection, ObjectSection];
  const wrong: readonly ObjectFile[] = [
    { ...minimal, sections: [{ ...code, size: 31 }, bss] },
    { ...minimal, sections: [{ ...code, relocations: [{ offset: 0, type: 1, symbol: 9 }] }, bss] },
    { ...minimal, sections: [code] },
    { ...minimal, sections: [{ ...code, name: "a\0b" }, bss] },
    { ...minimal, sections: [{ ...code, addressAlign: 2 ** 40 }, bss] },
    { ...minimal, sections: [{ ...code, addressAlign: 3 }, bss] },
  ];
  for (const object of wrong) {
    assert.throws(
      () => writeObject(object),
      (error: unknown) => error instanceof BpfkitError && error.code === "EL012",
    );
  }
});

for (const flags of [["-g"], ["-g", "-mcpu=v1"], []]) {
  test(`clang's object survives: ${flags.join(" ") || "no debug information"}`, () => {
    if (clang === undefined) return;
    const bytes = compile(...flags);
    const original = readObject(bytes, "clang.o");
    const written = writeObject(original);
    const again = readObject(written, "written.o");
    assert.equal(again, original);
    assert.equal(writeObject(again), written);
    const instructions = (text: string): string => text.replace(/^.*file format.*$/m, "");
    const disassemble = ["-d", "-r", "--no-show-raw-insn"];
    assert.is(
      instructions(run("llvm-objdump-19", disassemble, written)),
      instructions(run("llvm-objdump-19", disassemble, bytes)),
    );
    const report = run("llvm-readelf-19", ["-a"], written);
    assert.match(report, /Machine: +EM_BPF/);
    assert.match(report, /R_BPF_64_64 .* counts/);
    assert.not.match(report, /<unknown>|<corrupt>|warning/i);
    const symbols = (text: string): string[] =>
      [...text.matchAll(/^ +\d+: (\w+) +(\d+) (\w+) +(\w+) +(\w+) +(\w+) ?(.*)$/gm)]
        .filter(([, , , type]) => type !== "NOTYPE")
        .map(([, value, size, type, bind, visibility, place, name]) =>
          [value, size, type, bind, visibility, /^\d+$/.test(place ?? "") ? "" : place, name].join(" "),
        );
    assert.equal(
      symbols(run("llvm-readelf-19", ["-s"], written)),
      symbols(run("llvm-readelf-19", ["-s"], bytes)),
    );
    if (flags.includes("-g") && requireTool("bpftool") !== undefined) {
      assert.is(
        run("bpftool", ["btf", "dump", "file"], written),
        run("bpftool", ["btf", "dump", "file"], bytes),
      );
    }
  });
}

test("what is in clang's object is understood", () => {
  if (clang === undefined) return;
  const object = readObject(compile("-g"));
  const program = section(object, "kprobe/do_exit");
  const names = program.relocations.map(
    ({ type, symbol }) => `${relocationTypeName(type)} ${object.symbols[symbol]?.name}`,
  );
  assert.ok(names.includes("R_BPF_64_64 counts"));
  assert.ok(names.includes("R_BPF_64_64 counter"));
  assert.ok(names.some((name) => name.startsWith("R_BPF_64_32 ")));
  assert.is(section(object, ".bss").size, 8);
  assert.is(section(object, "license").addressAlign, 1);
  assert.is(section(object, ".rodata.str1.1").entrySize, 1);
  const weak = object.symbols.find(({ name }) => name === "on_switch");
  assert.is(weak?.binding, "weak");
  const btf = BtfTable.decode(section(object, ".BTF").data);
  const info = decodeExtInfo(section(object, ".BTF.ext").data, btf);
  assert.equal([...info.funcs.keys()].sort(), [".text", "kprobe/do_exit", "tracepoint/sched/sched_switch"]);
  const relocation = info.coreRelocations.get("kprobe/do_exit")?.[0];
  assert.is(btf.nameOf(relocation?.typeId ?? 0), "task");
  assert.is(relocation?.access, "0:0");
  const line = info.lines.get("kprobe/do_exit")?.find(({ text }) => text.includes("map_lookup"));
  assert.is(line?.line, 36);
});

const elf = (): Uint8Array => writeObject(minimal);

function changed(at: number, ...values: number[]): Uint8Array {
  const bytes = elf();
  bytes.set(values, at);
  return bytes;
}

const refused: readonly (readonly [string, Uint8Array, string, RegExp])[] = [
  ["nothing", new Uint8Array(0), "EL001", /is empty/],
  ["text", new TextEncoder().encode("int main(void) {}"), "EL001", /not an ELF/],
  ["a cut header", elf().subarray(0, 40), "EL005", /cut off/],
  ["a cut file", elf().subarray(0, -1), "EL005", /cut off/],
  ["an x86-64 object", changed(18, 62, 0), "EL002", /x86-64/],
  ["a 32-bit file", changed(4, 1), "EL003", /64-bit/],
  ["big-endian", changed(5, 2), "EL003", /big-endian/],
  ["an executable", changed(16, 2), "EL004", /executable/],
  ["program headers", changed(56, 1), "EL004", /program headers/],
  ["no sections", changed(60, 0, 0), "EL005", /no section headers/],
  ["odd section headers", changed(58, 40), "EL005", /40 bytes/],
  ["names in no section", changed(62, 99), "EL005", /names/],
  ["names in a section of code", changed(62, 1), "EL005", /no string table/],
];

for (const [name, bytes, code, message] of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => readObject(bytes, "x.o"),
      (error: unknown) =>
        error instanceof BpfkitError &&
        error.code === code &&
        message.test(error.message) &&
        error.message.startsWith("x.o"),
    );
  });
}

test.run();
