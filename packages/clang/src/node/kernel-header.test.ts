/** The cut vmlinux.h: right for clang, right in size and offset, out of the way of the program's own names. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import type { Diagnostic } from "@bpfkit/base/diagnostics";
import { BtfBuilder, BtfTable } from "@bpfkit/elf/btf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import type { ClangRequest } from "../clang.ts";
import { incompleteTypes, type KernelHeaderOptions, kernelHeader } from "../kernel-headers/kernel-header.ts";
import { createNodeClang } from "./index.ts";

const btf = BtfTable.decode(bundledBtf());
const clang = createNodeClang();

test.after(() => clang.close());

/** BTF of the bundled profile: its first section. The reader is in a package above this one. */
function bundledBtf(): Uint8Array {
  const path = new URL("../../../bpfkit/profiles/debian-6.1-cloud-amd64.bpfkit-profile", import.meta.url);
  const file = readFileSync(path);
  const headerSize = file.readUInt32LE(12);
  const header = JSON.parse(file.toString("utf8", 16, 16 + headerSize)) as {
    sections: { name: string; size: number }[];
  };
  assert.is(header.sections[0]?.name, "btf");
  return new Uint8Array(
    brotliDecompressSync(file.subarray(16 + headerSize, 16 + headerSize + (header.sections[0]?.size ?? 0))),
  );
}

function request(text: string, header: string): ClangRequest {
  return {
    mainFile: "prog.c",
    files: new Map([
      ["prog.c", text],
      ["/bpfkit/include/vmlinux.h", header],
    ]),
    includeDirs: ["/bpfkit/include"],
    preIncludes: ["/bpfkit/include/vmlinux.h"],
    defines: [],
    cpu: "v3",
    optLevel: 2,
  };
}

/** The header for a text, after clang has taken both without a word. */
async function accepted(text: string, options: KernelHeaderOptions = {}): Promise<string> {
  const header = kernelHeader(btf, [text], options);
  const { diagnostics } = await clang.compileToIr(request(text, header));
  assert.equal(diagnostics, [], text);
  return header;
}

function defines(header: string, what: string): boolean {
  return new RegExp(`^${what} \\{`, "m").test(header);
}

const chain = `int f(struct request *rq) { return rq->q->disk->first_minor + (int)rq->bio->bi_iter.bi_size; }`;

test("what a chain of members passes is complete, the rest is declared", async () => {
  const header = await accepted(chain);
  for (const name of ["request", "request_queue", "gendisk", "bio", "bvec_iter"]) {
    assert.ok(defines(header, `struct ${name}`), name);
  }
  // Only pointers that the text does not name lead there.
  for (const name of ["blk_mq_hw_ctx", "task_struct", "module"])
    assert.not.ok(defines(header, `struct ${name}`), name);
  assert.match(header, /^struct blk_mq_hw_ctx;$/m);
  assert.match(header, /preserve_access_index/);
  assert.ok(header.length < 60_000, `${header.length}`);
});

test("typedefs, enums by their values, and unions are found by name", async () => {
  const header = await accepted(
    `u64 a; sector_t b; int c = BPF_F_CURRENT_CPU != 0; int d = REQ_OP_WRITE; kuid_t e; union bpf_attr *g; pid_t h;
     int f(union bpf_attr *attr) { return attr->map_type; }`,
  );
  assert.match(header, /\bREQ_OP_WRITE = 1,/);
  assert.match(header, /\bBPF_F_CURRENT_CPU = /);
});

test("the lean form has the named members and true sizes", async () => {
  const full = await accepted(chain);
  const lean = await accepted(chain, { lean: true });
  assert.ok(lean.length * 2 < full.length, `${lean.length} of ${full.length}`);
  assert.not.match(lean, /preserve_access_index/);
  const body = /^struct request_queue \{[^}]*\}/m.exec(lean)?.[0] ?? "";
  assert.match(body, /struct gendisk \*disk;/);
  assert.not.match(body, /nr_requests/);
  assert.match(/^struct request_queue \{[\s\S]*?^\}/m.exec(full)?.[0] ?? "", /nr_requests/);
});

for (const lean of [false, true]) {
  test(`sizes ${lean ? "of the lean form" : "and offsets"} are the kernel's`, async () => {
    const text = `${chain} struct task_struct *t; int g(struct sock *sk) { return sk->sk_state; }
      struct linux_binprm *bprm; struct file *file; struct page *page; struct tcp_sock *tcp; struct sk_buff *skb;`;
    const header = kernelHeader(btf, [text], { lean });
    const checks: string[] = [];
    for (const [, kind = "", name = ""] of header.matchAll(/^(struct|union) (\w+) \{/gm)) {
      const id = btf.find(name, kind as "struct" | "union");
      if (id === undefined) continue;
      checks.push(`_Static_assert(sizeof(${kind} ${name}) == ${btf.sizeOf(id)}, "size of ${name}");`);
      const type = btf.type(id);
      if (lean || (type.kind !== "struct" && type.kind !== "union")) continue;
      for (const member of type.members) {
        if (member.name === "" || member.bitSize !== 0) continue;
        const offset = `__builtin_offsetof(${kind} ${name}, ${member.name})`;
        checks.push(`_Static_assert(${offset} == ${member.bitOffset / 8}, "${name}.${member.name}");`);
      }
    }
    assert.ok(checks.length > (lean ? 20 : 1000), `${checks.length} checks`);
    const { diagnostics } = await clang.compileToIr(request(checks.join("\n"), header));
    assert.equal(diagnostics, []);
  });
}

test("what the program defines itself is left to it", async () => {
  const header = await accepted(
    `
    struct mnt_namespace { int count; struct { unsigned int inum; } ns; };
    struct mount { int private; };
    enum fault { UNKNOWN, READ };
    typedef unsigned long long u64; typedef u64 sector_t;
    typedef struct { int own; } spinlock_t;
    BPF_HASH(start);
    struct qspinlock *still_there;
    int f(struct task_struct *task) {
      struct mnt_namespace *ns = task->nsproxy->mnt_ns;
      spinlock_t lock = { .own = UNKNOWN };
      return ns->ns.inum + lock.own + task->alloc_lock.rlock.raw_lock.val.counter;
    }`.replace("BPF_HASH(start);", "int start;"),
  );
  assert.not.ok(defines(header, "struct mnt_namespace"));
  assert.match(header, /^struct mnt_namespace;$/m);
  assert.match(header, /^typedef struct spinlock spinlock_t___kernel;$/m);
  assert.not.match(header, /^\tUNKNOWN = /m);
});

test("a struct of the program's that the kernel's contain by value keeps its kernel form under another name", async () => {
  const header = await accepted(
    `struct bvec_iter { int mine; }; int f(struct bio *bio, struct bvec_iter *it) { return bio->bi_iter.bi_size + it->mine; }`,
  );
  assert.ok(defines(header, "struct bvec_iter___kernel"));
  assert.match(header, /struct bvec_iter___kernel bi_iter;/);
  const { ir } = await clang.compileToIr(
    request(
      `int f(struct bio *bio) { return bio->bi_iter.bi_size; } struct bvec_iter { int mine; };`,
      header,
    ),
  );
  // Loaders drop what follows three underscores and relocate against the kernel's struct bvec_iter.
  assert.match(ir, /name: "bvec_iter___kernel"/);
});

test("all types at once are accepted too", async () => {
  const text = "struct mount { int mine; }; enum { UNKNOWN };\nint f(struct request *rq) { return rq->tag; }";
  const header = kernelHeader(btf, [text], { whole: true });
  assert.ok(header.length > 1_500_000);
  const { ir } = await clang.compileToIr(request(text, header));
  assert.match(ir, /define dso_local i32 @f/);
});

test("native clang makes the same code of the cut header as of the whole", () => {
  const native = requireTool("clang-19");
  const objdump = requireTool("llvm-objdump-19");
  const bpftool = requireTool("bpftool");
  if (native === undefined || objdump === undefined || bpftool === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-header-"));
  try {
    const text = `${chain}\nlong g(struct task_struct *t) { return t->mm->exe_file->f_path.dentry->d_inode->i_size + t->flags; }`;
    writeFileSync(join(folder, "btf"), btf.bytes);
    writeFileSync(
      join(folder, "whole.h"),
      execFileSync(bpftool, ["btf", "dump", "file", "btf", "format", "c"], {
        cwd: folder,
        maxBuffer: 1 << 26,
      }),
    );
    writeFileSync(join(folder, "cut.h"), kernelHeader(btf, [text]));
    writeFileSync(join(folder, "prog.c"), text);
    const [cut, whole] = ["cut", "whole"].map((name) => {
      execFileSync(
        native,
        ["-target", "bpf", "-O2", "-g", "-include", `${name}.h`, "-c", "prog.c", "-o", `${name}.o`],
        { cwd: folder },
      );
      return (
        execFileSync(objdump, ["-dr", `${name}.o`], { cwd: folder, encoding: "utf8" })
          // Types have other numbers where there are fewer of them.
          .replaceAll(/^.*file format.*$|<byte_off> \[\d+\]/gm, "")
      );
    });
    assert.match(whole ?? "", /r\d = \*\(u32 \*\)/);
    assert.is(cut, whole);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("types that turn out to be missing can be named", async () => {
  const text = `#define PASTE(a, b) a##b\nint f(struct request *rq) { return rq->PASTE(mq_, hctx)->queue_num; }`;
  const error = await clang
    .parseAst(request(text, kernelHeader(btf, [text])))
    .catch((caught: unknown) => caught as { diagnostics: readonly Diagnostic[] });
  assert.ok("diagnostics" in error);
  const missing = incompleteTypes(error.diagnostics);
  assert.equal(missing, ["blk_mq_hw_ctx"]);
  await clang.parseAst(request(text, kernelHeader(btf, [text, missing.join(" ")])));
});

test("names that no kernel has give an empty header", async () => {
  assert.not.match(await accepted("int nothing_of_the_kernel_s;"), /struct|typedef|enum/);
  assert.not.match(kernelHeader(btf, []), /struct|typedef|enum/);
});

test("kfuncs that the kernel marks are declared, unless the program does so itself", async () => {
  const builder = new BtfBuilder();
  const int = builder.add({
    kind: "int",
    name: "int",
    size: 4,
    bits: 32,
    bitOffset: 0,
    signed: true,
    char: false,
    bool: false,
  });
  const s32 = builder.add({ kind: "typedef", name: "s32", type: int });
  const task = builder.add({
    kind: "struct",
    name: "task",
    size: 4,
    members: [{ name: "pid", type: int, bitOffset: 0, bitSize: 0 }],
  });
  const pointer = builder.add({ kind: "ptr", type: task });
  const type = builder.add({ kind: "func_proto", returnType: pointer, params: [{ name: "pid", type: s32 }] });
  for (const name of ["find_task", "other", "unmarked"]) {
    const func = builder.add({ kind: "func", name, type, linkage: "static" });
    if (name !== "unmarked")
      builder.add({ kind: "decl_tag", name: "bpf_kfunc", type: func, componentIndex: -1 });
  }
  const table = BtfTable.decode(builder.encode());
  const calls = "int f(void) { return find_task(1) == 0 && other(2) && unmarked; }";
  const header = kernelHeader(table, [calls]);
  assert.match(
    header,
    /extern struct task \*find_task\(s32\) __attribute__\(\(weak, section\(".ksyms"\)\)\);/,
  );
  assert.match(header, /typedef int s32;/);
  assert.match(header, /\bother\(/);
  assert.not.match(header, /unmarked/);
  assert.not.match(kernelHeader(table, [`extern struct task *other(int pid);${calls}`]), /\bother\(/);
  const text = `${calls.replace("&& unmarked", "")}`;
  const { diagnostics } = await clang.compileToIr(request(text, kernelHeader(table, [text])));
  assert.equal(diagnostics, []);
});

test.run();
