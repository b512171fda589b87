/** BTF and .BTF.ext against native clang's of the same C. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { ExtInfo } from "@bpfkit/elf/btf";
import { BtfTable, decodeExtInfo } from "@bpfkit/elf/btf";
import { readObject } from "@bpfkit/elf/object";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import { generate } from "../generate.ts";

const testdata = join(import.meta.dirname, "../../testdata");
const flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-w", "-fno-slp-vectorize"];

/** Both builds of one file: ours from clang's IR, and clang's own object. */
interface Builds {
  readonly ours: Uint8Array;
  readonly native: Uint8Array;
  readonly source: string;
  readonly folder: string;
}

function build(name: string, check: (builds: Builds) => void): void {
  const clang = requireTool("clang-19");
  if (clang === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-debug-"));
  try {
    const file = join(testdata, name);
    const source = readFileSync(file, "utf8");
    const ir = execFileSync(clang, [...flags, "-emit-llvm", "-S", "-o", "-", file], { encoding: "utf8" });
    execFileSync(clang, [...flags, "-c", "-o", join(folder, "native.o"), file]);
    const sourceText = (path: string): string | undefined => (basename(path) === name ? source : undefined);
    const { bytes } = generate(ir, { cpu: "v3", mainFile: name, sourceText });
    writeFileSync(join(folder, "ours.o"), bytes);
    check({ ours: bytes, native: readFileSync(join(folder, "native.o")), source, folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** bpftool's dump with forward declarations, which LLVM orders by memory address, put in order of their names. */
function dump(bpftool: string, file: string): string[] {
  const lines = execFileSync(bpftool, ["btf", "dump", "file", file], { encoding: "utf8" }).split("\n");
  const forwards = new Map<string, string>();
  for (const line of lines) {
    const found = /^\[(\d+)\] (FWD .*)$/.exec(line);
    if (found !== null) forwards.set(found[1] as string, found[2] as string);
  }
  const rest = lines
    .filter((line) => !/^\[\d+\] FWD /.test(line))
    .map((line) => line.replace(/type_id=(\d+)/g, (whole, id: string) => forwards.get(id) ?? whole));
  return [...rest, ...[...forwards.values()].sort()];
}

function extInfo(bytes: Uint8Array): { readonly table: BtfTable; readonly ext: ExtInfo } {
  const object = readObject(bytes);
  const data = (name: string): Uint8Array =>
    object.sections.find((each) => each.name === name)?.data ?? new Uint8Array();
  const table = BtfTable.decode(data(".BTF"));
  return { table, ext: decodeExtInfo(data(".BTF.ext"), table) };
}

function nameOf(table: BtfTable, id: number): string {
  const type = table.type(id);
  return "name" in type ? type.name : type.kind;
}

for (const name of ["debug-types.c", "core-access.c"]) {
  test(`BTF of ${name} is clang's`, () => {
    const bpftool = requireTool("bpftool");
    if (bpftool === undefined) return;
    build(name, ({ folder }) => {
      assert.equal(dump(bpftool, join(folder, "ours.o")), dump(bpftool, join(folder, "native.o")));
    });
  });
}

test("functions have their types at their first instructions", () => {
  build("debug-types.c", ({ ours, native }) => {
    const names = (bytes: Uint8Array): string[] => {
      const { table, ext } = extInfo(bytes);
      return [...ext.funcs].flatMap(([section, records]) =>
        records.map((record) => `${section} ${nameOf(table, record.typeId)}`),
      );
    };
    assert.equal(names(ours).sort(), names(native).sort());
    const { table, ext } = extInfo(ours);
    const object = readObject(ours);
    for (const [section, records] of ext.funcs) {
      for (const { insnOffset, typeId } of records) {
        const home = object.sections.findIndex((each) => each.name === section);
        const symbol = object.symbols.find(
          (each) => each.type === "func" && each.section === home && each.value === insnOffset,
        );
        // The optimiser may have made a copy of the function under a longer name.
        assert.ok(symbol?.name.startsWith(nameOf(table, typeId)), `${section}+${insnOffset}`);
      }
    }
  });
});

test("CO-RE relocations are clang's", () => {
  build("core-access.c", ({ ours, native }) => {
    const records = (bytes: Uint8Array): string[] => {
      const { table, ext } = extInfo(bytes);
      const all = [...ext.coreRelocations].flatMap(([section, list]) =>
        list.map((each) => `${section} ${nameOf(table, each.typeId)} ${each.access} ${each.kind}`),
      );
      return [...new Set(all)].sort();
    };
    const expected = records(native);
    assert.ok(expected.length > 60);
    assert.equal(records(ours), expected);
  });
});

test("every CO-RE relocation carries the value of the types at compile time", () => {
  build("core-access.c", ({ ours }) => {
    const object = readObject(ours);
    const { table, ext } = extInfo(ours);
    let typeIds = 0;
    for (const [section, list] of ext.coreRelocations) {
      const data = object.sections.find((each) => each.name === section)?.data ?? new Uint8Array();
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      for (const { insnOffset, typeId, kind } of list) {
        if (kind !== 6 && kind !== 7) continue;
        typeIds++;
        assert.is(view.getInt32(insnOffset + 4, true), typeId, nameOf(table, typeId));
      }
    }
    assert.is(typeIds, 4);
  });
});

test("lines name the file and carry its text", () => {
  build("debug-types.c", ({ ours, source }) => {
    const { ext } = extInfo(ours);
    const lines = source.split("\n");
    let count = 0;
    for (const [section, records] of ext.lines) {
      let last = -1;
      for (const { insnOffset, file, text, line } of records) {
        assert.ok(insnOffset > last, `${section}: offsets ascend`);
        last = insnOffset;
        assert.ok(file.endsWith("debug-types.c"));
        assert.is(text, lines[line - 1]);
        count++;
      }
      assert.is(records[0]?.insnOffset, 0, `${section}: the first instruction has a line`);
    }
    assert.ok(count > 20);
  });
});

test("no debug information, no BTF", () => {
  const ir = 'define i32 @f() section "x" {\n  ret i32 3\n}\n';
  const { object } = generate(ir, { cpu: "v3", mainFile: "f.c" });
  assert.not.ok(object.sections.some((each) => each.name.startsWith(".BTF")));
});

/** A program whose only argument has type `!6`. */
function withType(definition: string): string {
  return `define i32 @f(ptr %x) section "x" !dbg !4 {
  ret i32 3
}
!llvm.dbg.cu = !{!0}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, emissionKind: FullDebug)
!1 = !DIFile(filename: "f.c", directory: "/")
!4 = distinct !DISubprogram(name: "f", file: !1, line: 1, type: !5, unit: !0, spFlags: DISPFlagDefinition)
!5 = !DISubroutineType(types: !10)
!6 = ${definition}
!10 = !{null, !6}
!8 = !{!9}
!9 = !DISubrange(count: 2)
`;
}

for (const [what, definition] of [
  ["a member", '!DIDerivedType(tag: DW_TAG_member, name: "m", baseType: !6, size: 64)'],
  ["an array", "!DICompositeType(tag: DW_TAG_array_type, baseType: !6, size: 64, elements: !8)"],
  ["an atomic type", "!DIDerivedType(tag: DW_TAG_atomic_type, baseType: !6)"],
] as const) {
  test(`${what} made of itself is refused`, () => {
    assert.throws(
      () => generate(withType(definition), { cpu: "v3", mainFile: "f.c" }),
      (error: unknown) => error instanceof BpfkitError && error.code === "CG021",
    );
  });
}

test("a typedef and a pointer that lead to themselves end", () => {
  for (const tag of ["DW_TAG_typedef", "DW_TAG_pointer_type", "DW_TAG_const_type"])
    generate(withType(`!DIDerivedType(tag: ${tag}, name: "t", baseType: !6)`), {
      cpu: "v3",
      mainFile: "f.c",
    });
});

test("the same text gives the same bytes", () => {
  build("debug-types.c", ({ ours }) => {
    build("debug-types.c", ({ ours: again }) => assert.equal(ours, again));
  });
});

test.run();
