/**
 * What bpfkit's rewriting of BCC's tools reads of the kernel's memory is what BCC's own rewriting reads: expression, type and
 * size. `npm run corpus:reads` compares all tools.
 */
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { guestKernel } from "../kernel/guest/kernel-package.ts";
import { peers } from "../kernel/guest/peers/packages.ts";
import { type Recording, recordingFile, recordings, whyNoRecording } from "../kernel/guest/peers/record.ts";
import { requireTool } from "../support/native-tools.ts";
import { type CorpusProgram, corpus, whyNoCorpus } from "./extraction.ts";
import { compareReads } from "./reads/compare.ts";
import { explanationOf, readExplanations } from "./reads/explanations.ts";
import { readsOfBcc, readsOfBpfkit, rewrittenTextOf } from "./reads/read-set.ts";

/** Tools with the most, and the most different, implicit reads. */
const sample = [
  ...["bindsnoop", "biosnoop", "ext4slower", "filelife", "mountsnoop", "nfsslower", "runqslower"],
  ...["tcpdrop", "tcplife", "tcpstates", "tcptop", "tcptracer", "virtiostat"],
];

const builder = new Builder({ cache: false });
const clang = requireTool("clang-19");

/** Texts of the sample and what BCC made of them; undefined, after a loud line, where they cannot be had. */
function compiledByBcc(): { programs: CorpusProgram[]; outputs: ReadonlyMap<string, Recording> } | undefined {
  let why = whyNoCorpus() ?? whyNoRecording();
  try {
    if (why === undefined) return recordSample();
  } catch (error) {
    why = String(error);
  }
  const message = `reads were not compared with BCC's: ${why}`;
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message}\n`);
  return undefined;
}

function recordSample(): { programs: CorpusProgram[]; outputs: ReadonlyMap<string, Recording> } {
  const programs = corpus({ variants: false }).filter(({ name }) => sample.includes(name));
  const sources = programs.map(({ name, text, defines }) => ({
    name,
    text,
    cflags: defines.map((define) => `-D${define}`),
  }));
  return { programs, outputs: recordings(recordingFile(peers(guestKernel().release), sources)) };
}

test("tools read the same as under BCC", async () => {
  const compiled = compiledByBcc();
  if (compiled === undefined) return;
  const { programs, outputs } = compiled;
  assert.is(programs.length, sample.length);
  const rows = readExplanations();
  let reads = 0;
  for (const program of programs) {
    const text = rewrittenTextOf(outputs.get(program.name)?.output ?? "");
    if (text === undefined) throw new Error(`BCC gave no text for ${program.name}`);
    const { bcc, differences } = await compareReads(program, text, builder, clang);
    reads += bcc;
    const unexplained = differences.filter((difference) => explanationOf(difference, rows) === undefined);
    assert.equal(unexplained, [], program.name);
  }
  assert.ok(reads > 80, `only ${reads} reads were compared`);
});

const bccRead = (type: string, address: string): string =>
  `({ typeof(${type}) _val; __builtin_memset(&_val, 0, sizeof(_val)); bpf_probe_read(&_val, sizeof(_val), (void *)${address}); _val; })`;

test("nested reads and subscripts of BCC's text", () => {
  const inner = bccRead("struct task_struct *", "&p->real_parent");
  const text = `u32 x = ${bccRead("int", `&${inner}->tgid`)} + ${bccRead("char", "((q) + (i + 1))")} + ${bccRead("int", "n")};`;
  assert.equal(readsOfBcc(text), [
    { expression: "p->real_parent", type: "struct task_struct *" },
    { expression: "p->real_parent->tgid", type: "int" },
    { expression: "q[i+1]", type: "char" },
    { expression: "*n", type: "int" },
  ]);
  assert.equal(readsOfBcc(`u32 x = sizeof(${bccRead("int", "&p->pid")});`), []);
});

test("paths and values of bpfkit's text", () => {
  const text = "u32 x = BPF_CORE_READ(p, real_parent, tgid) + BPF_READ_KERNEL(BPF_CORE_READ(t, fd)[3]);";
  const expressions = readsOfBpfkit(text).map(({ expression }) => expression);
  assert.equal(expressions, ["p->real_parent", "p->real_parent->tgid", "t->fd", "t->fd[3]"]);
});

test("a read too few, one too many and another type are differences", async () => {
  const program = {
    name: "sample",
    text: "#include <linux/sched.h>\nint kprobe__f(struct pt_regs *ctx, struct task_struct *p) { return p->pid; }\n",
    defines: [],
    attaches: [],
  };
  const kinds = async (...reads: string[]): Promise<string[]> => {
    const { differences } = await compareReads(program, reads.join(";"), builder, clang);
    return differences.map(({ kind }) => kind);
  };
  const pid = bccRead("int", "&p->pid");
  assert.equal(await kinds(pid), []);
  assert.equal(await kinds(), ["added"]);
  assert.equal(await kinds(pid, bccRead("int", "&p->tgid")), ["missing"]);
  if (clang !== undefined) {
    assert.equal(await kinds(bccRead("unsigned int", "&p->pid")), ["type"]);
    assert.equal(await kinds(bccRead("long", "&p->pid")), ["type", "type"]);
  }
});

test.after(() => builder.close());
test.run();
