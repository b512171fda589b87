/**
 * Members that have other names or places in other kernels: one object reads each of them in every form. The forms are
 * compiled from C as types of a kernel; this machine's kernel runs the relocated program on memory that shows which byte was read.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BtfTable } from "@bpfkit/elf/btf";
import { Collection, CollectionSpec } from "@bpfkit/loader";
import { LinuxKernel } from "@bpfkit/loader/linux";
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";

const builder = new Builder({ cache: false });
const clang = requireTool("clang-19");
/** Types of this machine's kernel. */
let own: BtfTable | undefined;

/** A form of the types, and the word that must be read: 100 + n is word n of the object, 200 + n of what it points to. */
interface Form {
  readonly since: string;
  readonly types: string;
  readonly word: number;
}

interface Case {
  readonly pointer: string;
  readonly expressions: readonly string[];
  readonly forms: readonly Form[];
}

const time = "struct timespec64 { long tv_sec; long tv_nsec; };";

const cases: readonly Case[] = [
  {
    pointer: "struct task_struct *p",
    expressions: ["p->state", "p->__state"],
    forms: [
      { since: "2.6", types: "struct task_struct { u64 x[2]; long state; };", word: 102 },
      { since: "5.14", types: "struct task_struct { u64 x; unsigned int __state; };", word: 101 },
    ],
  },
  {
    pointer: "struct task_struct *p",
    expressions: ["p->cpu"],
    forms: [
      { since: "4.9", types: "struct task_struct { u64 x[3]; unsigned int cpu; };", word: 103 },
      {
        since: "5.16",
        types:
          "struct thread_info { u64 flags; unsigned int cpu; }; struct task_struct { struct thread_info thread_info; };",
        word: 101,
      },
    ],
  },
  {
    pointer: "struct task_struct *p",
    expressions: ["p->real_start_time", "p->start_boottime"],
    forms: [
      { since: "3.17", types: "struct task_struct { u64 x[2]; u64 real_start_time; };", word: 102 },
      { since: "5.5", types: "struct task_struct { u64 x[5]; u64 start_boottime; };", word: 105 },
    ],
  },
  {
    pointer: "struct request *p",
    expressions: ["(u64)p->rq_disk"],
    forms: [
      {
        since: "2.6",
        types:
          "struct gendisk; struct request_queue { u64 x; }; struct request { u64 x[4]; struct gendisk *rq_disk; struct request_queue *q; };",
        word: 104,
      },
      {
        since: "5.17",
        types:
          "struct gendisk; struct request_queue { u64 x[2]; struct gendisk *disk; }; struct request { u64 x; struct request_queue *q; };",
        word: 202,
      },
    ],
  },
  {
    pointer: "struct bio *p",
    expressions: ["(u64)p->bi_disk"],
    forms: [
      { since: "4.14", types: "struct gendisk; struct bio { u64 x; struct gendisk *bi_disk; };", word: 101 },
      {
        since: "5.12",
        types:
          "struct gendisk; struct block_device { u64 x[3]; struct gendisk *bd_disk; }; struct bio { u64 x[2]; struct block_device *bi_bdev; };",
        word: 203,
      },
    ],
  },
  {
    pointer: "struct iov_iter *p",
    expressions: ["(u64)p->iov", "(u64)p->__iov"],
    forms: [
      {
        since: "3.15",
        types: "struct iovec; struct iov_iter { u64 x[2]; const struct iovec *iov; };",
        word: 102,
      },
      {
        since: "6.4",
        types: "struct iovec; struct iov_iter { u64 x; const struct iovec *__iov; };",
        word: 101,
      },
    ],
  },
  {
    pointer: "struct kernfs_node *p",
    expressions: ["(u64)p->parent", "(u64)p->__parent"],
    forms: [
      { since: "3.14", types: "struct kernfs_node { u64 x; struct kernfs_node *parent; };", word: 101 },
      { since: "6.15", types: "struct kernfs_node { u64 x[3]; struct kernfs_node *__parent; };", word: 103 },
    ],
  },
  {
    pointer: "struct kernfs_node *p",
    expressions: ["p->id"],
    forms: [
      {
        since: "4.14",
        types:
          "union kernfs_node_id { struct { u32 ino; u32 generation; }; u64 id; }; struct kernfs_node { u64 x[2]; union kernfs_node_id id; };",
        word: 102,
      },
      { since: "5.5", types: "struct kernfs_node { u64 x; u64 id; };", word: 101 },
    ],
  },
  ...["i_ctime", "i_atime", "i_mtime"].map((name) => ({
    pointer: "struct inode *p",
    expressions: [`p->${name}.tv_sec`, `p->__${name}.tv_sec`],
    forms: [
      { since: "4.18", types: `${time} struct inode { u64 x[2]; struct timespec64 ${name}; };`, word: 102 },
      { since: "6.6", types: `${time} struct inode { u64 x[3]; struct timespec64 __${name}; };`, word: 103 },
      {
        since: "6.11",
        types: `${time} struct inode { u64 x[4]; s64 ${name}_sec; u32 ${name}_nsec; };`,
        word: 104,
      },
    ],
  })),
  {
    pointer: "struct cfs_rq *p",
    expressions: ["p->nr_running", "p->nr_queued"],
    forms: [
      { since: "2.6", types: "struct cfs_rq { u64 x[2]; unsigned int nr_running; };", word: 102 },
      { since: "6.14", types: "struct cfs_rq { u64 x[3]; unsigned int nr_queued; };", word: 103 },
    ],
  },
  {
    pointer: "struct cfs_rq *p",
    expressions: ["p->h_nr_running", "p->h_nr_queued"],
    forms: [
      { since: "3.9", types: "struct cfs_rq { u64 x[2]; unsigned int h_nr_running; };", word: 102 },
      { since: "6.14", types: "struct cfs_rq { u64 x[3]; unsigned int h_nr_queued; };", word: 103 },
    ],
  },
  {
    pointer: "struct block_device *p",
    expressions: ["p->bd_partno"],
    forms: [
      { since: "5.11", types: "struct block_device { u64 x[2]; u8 bd_partno; };", word: 102 },
      {
        since: "6.10",
        types:
          "typedef struct { int counter; } atomic_t; struct block_device { u64 x; atomic_t __bd_flags; };",
        word: 101,
      },
    ],
  },
];

/** `memory.first` is the object; its words are numbers, or, the second time, all addresses of `memory.second`. */
function programOf({ pointer, expressions }: Case): string {
  const reads = expressions.map((expression, index) => `	seen(${index}, linked, ${expression});`).join("\n");
  return `#include <linux/sched.h>
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/uio.h>
struct memory { u64 first[16]; u64 second[16]; };
BPF_ARRAY(memories, struct memory, 1);
BPF_ARRAY(values, u64, 16);
static void seen(int index, int linked, u64 value) { int key = 2 * index + linked; values.update(&key, &value); }
static void look(${pointer}, int linked)
{
${reads}
}
int on_packet(struct __sk_buff *skb)
{
	int zero = 0;
	struct memory *m = memories.lookup(&zero);
	if (!m)
		return 1;
	for (int i = 0; i < 16; i++) { m->first[i] = 100 + i; m->second[i] = 200 + i; }
	look((void *)m->first, 0);
	for (int i = 0; i < 16; i++) m->first[i] = (u64)m->second;
	look((void *)m->first, 1);
	return 0;
}
`;
}

/** The BTF of C types, as a kernel's would be. */
function typesOf(text: string): BtfTable {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-types-"));
  try {
    const names = [...text.matchAll(/\bstruct (\w+) \{/g)].map((match) => match[1] as string);
    const uses = [...new Set(names)].map((name) => `struct ${name} *use_${name};`).join("\n");
    const basic =
      "typedef unsigned long long u64; typedef long long s64; typedef unsigned int u32; typedef unsigned char u8;";
    writeFileSync(join(folder, "types.c"), `${basic}\n${text}\n${uses}\n`);
    const object = join(folder, "types.o");
    execFileSync(clang ?? "", ["-target", "bpf", "-g", "-c", join(folder, "types.c"), "-o", object]);
    execFileSync("llvm-objcopy-19", ["--dump-section", `.BTF=${join(folder, "btf")}`, object]);
    return BtfTable.decode(new Uint8Array(readFileSync(join(folder, "btf"))));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const member of cases) {
  const { pointer, expressions, forms } = member;
  test(`${pointer.replace(" *p", "")}: ${expressions.join(", ")}`, async () => {
    const { object } = await builder.compile({ file: "moved.c", text: programOf(member) });
    if (clang === undefined) return;
    if (!canLoadBpf()) {
      if (process.env["CI"] !== undefined) throw new Error("running programs needs root");
      process.stderr.write("SKIPPED: this process may not run BPF programs\n");
      return;
    }
    for (const { since, types, word } of forms) {
      const kernel = new LinuxKernel();
      try {
        const spec = CollectionSpec.fromObject(object, "moved.c");
        const loaded = Collection.load(spec, kernel, { targetBtf: typesOf(types) });
        loaded.programs.get("on_packet")?.testRun({ data: new Uint8Array(64) });
        expressions.forEach((expression, index) => {
          const read = loaded.maps.get("values")?.lookup(2 * index + (word < 200 ? 0 : 1));
          assert.is(read, BigInt(word), `${expression} in the form since Linux ${since}`);
        });
      } finally {
        kernel.shutdown();
      }
    }
    // This machine's own kernel has one of the forms, too.
    const kernel = new LinuxKernel();
    try {
      own ??= BtfTable.decode(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux")));
      Collection.load(CollectionSpec.fromObject(object, "moved.c"), kernel, { targetBtf: own });
    } finally {
      kernel.shutdown();
    }
  });
}

test.after(() => builder.close());
test.run();
