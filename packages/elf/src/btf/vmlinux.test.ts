/** Oracle: this machine's whole vmlinux BTF, printed as C, compiled by clang-19, has every struct where it was. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import { readObject } from "../object/index.ts";
import { BtfTable, type BtfType, printC, sliceTypes } from "./index.ts";

const path = "/sys/kernel/btf/vmlinux";
const clang = requireTool("clang-19");
const table = existsSync(path)
  ? BtfTable.decode(new Uint8Array(readFileSync(path)), { name: path })
  : undefined;
if (table === undefined) process.stderr.write("SKIPPED: the running kernel has no BTF to print\n");

function compile(text: string, ...flags: string[]): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-vmlinux-"));
  try {
    const [source, output] = [join(folder, "a.c"), join(folder, "a.o")];
    writeFileSync(source, text);
    execFileSync(clang ?? "", [
      "-target",
      "bpf",
      "-Werror",
      "-Wno-unused",
      ...flags,
      "-c",
      source,
      "-o",
      output,
    ]);
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every named member with its place and size, those of anonymous members at their place in the outer type. */
function shapeOf(btf: BtfTable, id: number): string {
  const parts = [`${btf.sizeOf(id)}`];
  const walk = (aggregate: number, base: number): void => {
    const type = btf.type(aggregate);
    if (type.kind !== "struct" && type.kind !== "union") return;
    for (const member of type.members) {
      const inner = btf.resolve(member.type);
      const isAggregate = ["struct", "union"].includes(btf.kindOf(inner));
      const place = base + member.bitOffset;
      if (member.name === "" && isAggregate) walk(inner, place);
      else if (member.name !== "")
        parts.push(`${member.name}@${place}:${member.bitSize || btf.sizeOf(member.type) * 8}`);
    }
  };
  walk(id, 0);
  return parts.join(" ");
}

/** Shapes by kind and name; several types may share a name. */
function shapes(btf: BtfTable, wanted?: ReadonlySet<string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const kind of ["struct", "union"] as const) {
    for (const id of btf.typesOfKind(kind)) {
      const key = `${kind} ${btf.nameOf(id).replace(/___\d+$/, "")}`;
      if (btf.nameOf(id) === "" || wanted?.has(key) === false) continue;
      found.set(key, [...(found.get(key) ?? []), shapeOf(btf, id)].sort());
    }
  }
  return found;
}

test("every struct keeps its size and the places of its members", () => {
  if (table === undefined || clang === undefined) return;
  const ids = Array.from({ length: table.typeCount - 1 }, (_, index) => index + 1);
  const text = printC(table, ids);
  assert.ok(text.length > 1_000_000);
  // clang takes long over 10,000 globals with debug information: everything odd, and a tenth of the rest.
  const bodies = [...text.matchAll(/^(struct|union) (\w+) \{\n([\s\S]*?)^\}(.*);$/gm)];
  assert.ok(bodies.length > 5000);
  const odd = /packed|aligned|^\t(char|short|int|long): |: \d+;/m;
  const chosen = bodies.filter(([body], index) => odd.test(body) || index % 10 === 0);
  const names = new Set(chosen.map(([, kind, name]) => `${kind} ${name?.replace(/___\d+$/, "")}`));
  const all = bodies.filter(([, kind, name]) => names.has(`${kind} ${name?.replace(/___\d+$/, "")}`));
  const globals = all.map(([, kind, name], index) => `${kind} ${name} v${index};`);
  const object = readObject(compile(`${text}\n${globals.join("\n")}\n`, "-g"));
  const btf = object.sections.find(({ name }) => name === ".BTF");
  const compiled = shapes(BtfTable.decode(btf?.data ?? new Uint8Array()), names);
  const original = shapes(table, names);
  assert.ok(original.size > 1500, `${original.size} names`);
  for (const [name, expected] of original) assert.equal(compiled.get(name), expected, name);
});

test("a slice has what a program names, compiles, and is small", () => {
  if (table === undefined || clang === undefined) return;
  const source = `
    int probe(struct task_struct *task, struct file *file, struct sock *sk) {
      u32 x = task->real_parent->tgid + task->mm->arg_start + PIDTYPE_TGID;
      return x + file->f_path.dentry->d_name.len + sk->__sk_common.skc_family;
    }`;
  const slice = sliceTypes(table, { tokens: new Set(source.match(/\w+/g)) });
  const text = printC(table, slice.ids, { forwards: slice.forwards, preserveAccessIndex: true });
  assert.ok(text.length < 150_000, `${text.length} characters`);
  assert.is(text, printC(table, slice.ids, { forwards: slice.forwards, preserveAccessIndex: true }));
  compile(`${text}${source}`, "-g", "-O2");
  const excluded = sliceTypes(table, {
    tokens: new Set(["task_struct", "file"]),
    exclude: new Set(["file"]),
  });
  assert.not.ok(excluded.ids.includes(table.find("file", "struct") ?? 0));
});

test("the whole table survives decoding and building", async () => {
  if (table === undefined) return;
  const { BtfBuilder } = await import("./index.ts");
  const builder = new BtfBuilder();
  for (let id = 1; id < table.typeCount; id++) builder.set(builder.reserve(), table.type(id));
  const copy = BtfTable.decode(builder.encode());
  assert.is(copy.typeCount, table.typeCount);
  const plain = (type: BtfType): string =>
    JSON.stringify(type, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  for (let id = 1; id < table.typeCount; id += 7) assert.is(plain(copy.type(id)), plain(table.type(id)));
});

test.run();
