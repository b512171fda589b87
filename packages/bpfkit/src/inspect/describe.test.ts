/** Tests that `inspect` leaves nothing of an object out: against llvm-readelf, llvm-objdump and bpftool. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { requireTool } from "../../../../test/support/native-tools.ts";
import { describeObject } from "./describe.ts";

const object = compileNative(new URL("testdata/everything.bpf.c", import.meta.url));
const readelf = requireTool("llvm-readelf-19");
const objdump = requireTool("llvm-objdump-19");
const bpftool = requireTool("bpftool");

if (object !== undefined && readelf !== undefined && objdump !== undefined && bpftool !== undefined) {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-inspect-"));
  const path = join(folder, "everything.bpf.o");
  writeFileSync(path, object);
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  const run = (program: string, words: readonly string[]) =>
    execFileSync(program, [...words, path], { encoding: "utf8", maxBuffer: 1 << 26 });
  const description = describeObject(object, "everything.bpf.o");

  test("sections and relocations are llvm-readelf's", () => {
    const sections = new Map<string, number>();
    for (const [, name = "", type = "", size = ""] of run(readelf, ["-S", "--wide"]).matchAll(
      /^ +\[ *\d+\] (\S+) +(\S+) +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+)/gm,
    )) {
      if (!/^(?:NULL|SYMTAB|STRTAB|REL|LLVM_ADDRSIG)$/.test(type))
        sections.set(name, Number.parseInt(size, 16));
    }
    assert.equal(new Map(description.sections.map(({ name, sizeBytes }) => [name, sizeBytes])), sections);
    const theirs: string[] = [];
    let section = "";
    for (const line of run(readelf, ["-r", "--wide"]).split("\n")) {
      section = /^Relocation section '\.rel(.*)' at/.exec(line)?.[1] ?? section;
      const [, offset = "", type = "", symbol = ""] =
        /^([0-9a-f]{16}) +[0-9a-f]{16} (\S+) +[0-9a-f]{16} (\S+)/.exec(line) ?? [];
      if (type !== "") theirs.push(`${section} ${Number.parseInt(offset, 16)} ${type} ${symbol}`);
    }
    const ours = description.relocations.map(
      (each) => `${each.section} ${each.offset} ${relocationName(each.type)} ${each.symbol}`,
    );
    assert.equal(ours.sort(), theirs.sort());
    assert.ok(theirs.length > 30);
  });

  test("programs and subprograms are llvm-objdump's functions, to the instruction", () => {
    const functions = new Map<string, number>();
    let name = "";
    for (const line of run(objdump, ["-d", "--no-show-raw-insn"]).split("\n")) {
      name = /^[0-9a-f]{16} <(\w+)>:$/.exec(line)?.[1] ?? name;
      const wide = / ll$/.test(line) ? 2 : 1;
      if (/^\s+\d+:\s/.test(line)) functions.set(name, (functions.get(name) ?? 0) + wide);
    }
    assert.equal(new Map(description.programs.map((each) => [each.name, each.slots])), functions);
    const kinds = new Map(description.programs.map((each) => [each.name, each.type]));
    assert.equal(
      ["one", "two", "three", "local", "shared", "ops_start"].map((each) => kinds.get(each)),
      ["tracepoint", "kprobe", "raw_tracepoint", "subprogram", "subprogram", "struct_ops"],
    );
  });

  test("types and the records of .BTF.ext are all counted", () => {
    const records = run(bpftool, ["btf", "dump", "file"]).match(/^\[\d+\] /gm) ?? [];
    assert.is(description.btf?.types, records.length);
    assert.is(description.btf?.functions, description.programs.length);
    const coRe = run(objdump, ["-dr"]).match(/CO-RE </g) ?? [];
    assert.is(description.btf?.coreRelocations, coRe.length);
    const lines = description.programs.flatMap(({ instructions }) =>
      instructions.filter(({ source }) => source !== undefined),
    );
    assert.ok(lines.length > 10 && lines.every(({ source }) => (source?.line ?? 0) > 0));
  });

  test("maps come with all that their definitions say, data sections with their variables", () => {
    const maps = new Map(description.maps.map((map) => [map.name, map]));
    assert.equal(maps.get("pinned")?.attributes, { pinned: true });
    assert.is(maps.get("pinned")?.flags, 1);
    assert.equal(maps.get("outer")?.attributes, {
      inner: "array of 4, key 4, value 8 bytes",
      values: [{ index: 1, symbol: "inner_map" }],
    });
    assert.equal(maps.get("filter")?.attributes, { mapExtra: "0x5" });
    assert.equal(maps.get("on_node")?.attributes, { numaNode: 0 });
    assert.equal(maps.get(".rodata")?.attributes, { frozen: true });
    assert.equal(maps.get(".data")?.variables, [
      { name: "data_variable", type: "u64", offset: 0, sizeBytes: 8 },
    ]);
    assert.equal(maps.get(".bss")?.variables, [{ name: "zeroed", type: "u32[4]", offset: 0, sizeBytes: 16 }]);
  });

  test("externs and tables of functions for the kernel", () => {
    const externs = description.externs.map(({ name, section, weak }) => [name, section, weak]);
    assert.equal(externs.sort(), [
      ["CONFIG_HZ", ".kconfig", true],
      ["bpf_rcu_read_lock", ".ksyms", true],
      ["init_task", ".ksyms", false],
    ]);
    assert.equal(
      description.structOps.map(({ name, section, type, functions }) => [name, section, type, functions]),
      [
        [
          "my_ops",
          ".struct_ops",
          "struct operations",
          [
            { member: "start", program: "ops_start" },
            { member: "stop", program: "ops_stop" },
          ],
        ],
        ["linked_ops", ".struct_ops.link", "struct operations", [{ member: "stop", program: "ops_stop" }]],
      ],
    );
  });
}

/** LLVM's spelling of a relocation type. */
function relocationName(name: string): string {
  return name.startsWith("R_BPF_") ? name : `R_BPF_${name}`;
}

test.run();
