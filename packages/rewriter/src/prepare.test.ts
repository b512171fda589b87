/** What is put around a program, by what the program names. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dialectOf } from "./dialect.ts";
import { versionCode } from "./headers/kernel-macros.ts";
import { isKernelHeader } from "./headers/kernel-paths.ts";
import { includesOf, prepareForAst } from "./prepare.ts";
import { nearest } from "./text/nearest.ts";

const profile = { release: "6.1.0-9-amd64", architecture: "x86_64", tracepointFormats: new Map() } as const;
const macros = (text: string): string =>
  prepareForAst(text, profile).headers.get("bcc/kernel-macros.h") ?? "";

const dialects: readonly (readonly [text: string, dialect: string])[] = [
  ["BPF_HASH(x);", "bcc"],
  ["int kprobe__f(void *ctx) { return 0; }", "bcc"],
  ['SEC("kprobe/x") int f(void *ctx) { return 0; }', "libbpf"],
  ['#include "vmlinux.h"', "libbpf"],
  ["#include <bpf/bpf_helpers.h>", "libbpf"],
  ['// SEC("no")\n/* #include "vmlinux.h" */\nBPF_HASH(x);', "bcc"],
];
for (const [text, dialect] of dialects) test(`dialect of ${text}`, () => assert.is(dialectOf(text), dialect));

test("only the macros that the program names, and what they need", () => {
  const text = macros("int x = AF_INET6 + S_ISREG(m);");
  assert.match(text, "#define AF_INET6 10\n");
  assert.match(text, "#define S_ISREG(m)");
  assert.not.match(text, "AF_UNIX");
});

test("what a macro uses comes with it", () => {
  const text = macros("struct tcphdr *t = tcp_hdr(skb);");
  assert.match(text, "#define skb_transport_header(skb)");
});

test("a macro of the program's own is left to it", () => {
  assert.not.match(macros("#define AF_INET6 1\nint x = AF_INET6;"), "AF_INET6 10");
});

test("socket members have short names only where a network header is included", () => {
  assert.match(macros("#include <net/sock.h>\nsk->sk_num"), "#define sk_num __sk_common.skc_num");
  assert.not.match(macros("struct e { int sk_num; };"), "sk_num");
});

test("the kernel's version comes from the profile", () => {
  assert.match(
    macros("#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 8, 0)"),
    `LINUX_VERSION_CODE ${(6 << 16) + (1 << 8)}\n`,
  );
  assert.is(versionCode("5.10.300-x"), (5 << 16) + (10 << 8) + 255);
  assert.is(versionCode("6.1-rc1"), (6 << 16) + (1 << 8));
});

test("options of the recorded kernel", () => {
  assert.match(macros("#ifdef CONFIG_X86_64"), "#define CONFIG_X86_64 1\n");
});

test("kernel headers are answered; others are left to be found or missed", () => {
  const { headers } = prepareForAst(
    "#include <linux/sched.h>\n#include <uapi/linux/ptrace.h>\n#include <linux/nope.h>\n",
    profile,
  );
  assert.ok(headers.has("linux/sched.h"));
  assert.ok(headers.has("uapi/linux/ptrace.h"));
  assert.not.ok(headers.has("linux/nope.h"));
  for (const path of ["net/sock.h", "asm/page.h", "scsi/scsi.h", "crypto/hash.h", "linux/blk-mq.h"]) {
    assert.ok(isKernelHeader(path), path);
  }
});

test("in libbpf's dialect a kernel header gives the types", () => {
  const { headers } = prepareForAst(
    '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC("xdp")',
    profile,
  );
  assert.match(headers.get("linux/bpf.h") ?? "", "#include <vmlinux.h>");
});

test("only helpers that can be called are declared", () => {
  const text = prepareForAst("bpf_ktime_get_ns();", profile).headers.get("bpf/bpf_helper_defs.h") ?? "";
  assert.match(text, "static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;");
  assert.not.match(text, "bpf_skb_vlan_push");
});

test("tracepoints that the kernel lacks are named, with the nearest", () => {
  const tracepointFormats = new Map([["sched/sched_switch", ""]]);
  const found = prepareForAst("TRACEPOINT_PROBE(sched, sched_swich) {}", { ...profile, tracepointFormats });
  assert.equal(found.unknownTracepoints, ["sched/sched_swich"]);
  assert.is(found.nearestTracepoint("sched/sched_swich"), "sched/sched_switch");
});

test("includes in every spelling", () => {
  assert.equal(includesOf('#include <a.h>\n # include "b/c.h"\n//#include <no.h>\n'), ["a.h", "b/c.h"]);
});

test("the nearest name, or none", () => {
  assert.is(nearest("lookupp", ["update", "lookup", "delete"]), "lookup");
  assert.is(nearest("zzzzzz", ["update", "lookup"]), undefined);
  assert.is(nearest("x".repeat(10_000), ["lookup"]), undefined);
});

test.run();
