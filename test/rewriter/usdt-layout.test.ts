/** The maps of USDT arguments are laid out as in libbpf, which fills them for the programs it attaches. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CollectionSpec } from "@bpfkit/loader";
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";

const builder = new Builder({ cache: false });

/** A program that reads an argument as libbpf's own header does it. */
const libbpfProgram = `#include <linux/types.h>
#include <linux/bpf.h>
#include <asm/ptrace.h>
#include <stdbool.h>
#include <bpf/usdt.bpf.h>
SEC("usdt") int f(struct pt_regs *ctx) { long v; return bpf_usdt_arg(ctx, 0, &v); }
char _license[] SEC("license") = "GPL";
`;

const bccProgram = `#include <uapi/linux/ptrace.h>
int f(struct pt_regs *ctx) { u64 v = 0; bpf_usdt_readarg(1, ctx, &v); return v; }
`;

/** Maps and offsets; the names of an argument's members are each header's own. */
function layout(object: Uint8Array): readonly unknown[] {
  const { maps, btf, programs } = CollectionSpec.fromObject(object, "usdt");
  const sizes = [...maps.values()]
    .filter(({ name }) => name.startsWith("__bpf_usdt"))
    .map(({ name, type, keySize, valueSize, maxEntries }) => [name, type, keySize, valueSize, maxEntries]);
  const specification = btf?.type(btf.find("__bpf_usdt_spec", "struct") ?? 0);
  const argument = btf?.type(btf.find("__bpf_usdt_arg_spec", "struct") ?? 0);
  assert.ok(specification?.kind === "struct" && argument?.kind === "struct");
  return [
    sizes.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    specification.members.map(({ name, bitOffset }) => [name, bitOffset]),
    argument.size,
    // Ours has three bytes more: those behind the kind, which libbpf 1.1 takes as one number with it.
    argument.members.filter(({ name }) => name !== "index").map(({ bitOffset }) => bitOffset),
    programs.get("f")?.method,
  ];
}

test("maps and records are libbpf's", async () => {
  const clang = requireTool("clang-19");
  if (clang === undefined) return;
  if (!existsSync("/usr/include/bpf/usdt.bpf.h")) {
    if (process.env["CI"] !== undefined) throw new Error("libbpf's headers are missing");
    process.stderr.write(
      "SKIPPED: libbpf's headers are missing (scripts/install-test-tools.sh installs them)\n",
    );
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-usdt-"));
  try {
    const target = join(folder, "usdt.o");
    const include = `/usr/include/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
    const define = `-D__TARGET_ARCH_${process.arch === "arm64" ? "arm64" : "x86"}`;
    execFileSync(
      clang,
      ["-target", "bpf", "-O2", "-g", "-I", include, define, "-x", "c", "-c", "-", "-o", target],
      { input: libbpfProgram, stdio: ["pipe", "ignore", "pipe"] },
    );
    const { object } = await builder.compile({ file: "usdt.c", text: bccProgram });
    assert.equal(layout(object), layout(readFileSync(target)));
    const own = await builder.compile({ file: "own.bpf.c", text: libbpfProgram });
    // The three numbers between the kind and the register share one with it there.
    const [maps, ...rest] = layout(own.object);
    assert.equal(maps, layout(object)[0]);
    assert.equal(rest.slice(0, 2), layout(object).slice(1, 3));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.after(() => builder.close());
test.run();
