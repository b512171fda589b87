/** Tests of opening programs in one call, from C text to counts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openBpf, openKernel } from "./open.ts";

const text = `
BPF_HASH(calls, u32);
int kprobe__sys_execve(void *ctx)
{
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    calls.increment(pid);
    return 0;
}
`;

test("C text is built, loaded, attached by its name and counted", async () => {
  const bpf = await openBpf({ text, scenario: "exec", cache: false });
  assert.is(bpf.links[0]?.description, "kprobe:__x64_sys_execve");
  const { ended } = await bpf.sleep(Number.POSITIVE_INFINITY);
  assert.is(ended, true);
  const counts = bpf.table("calls").values() as bigint[];
  assert.ok(counts.length > 10 && counts.every((count) => count >= 1n));
  bpf.close();
  bpf.close();
});

test("a file is read, and a kernel that is given stays open", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-open-"));
  try {
    const file = join(folder, "prog.c");
    writeFileSync(file, text);
    const kernel = await openKernel({ scenario: "exec" });
    const bpf = await openBpf({ file, kernel, cacheFolder: join(folder, "cache") });
    bpf.close();
    assert.ok(kernel.monotonicNs() >= 0n);
    const again = await openBpf({ file, kernel, cacheFolder: join(folder, "cache") });
    assert.is(again.links.length, 1);
    again.close();
    kernel.shutdown();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("wrong calls are refused", async () => {
  const refused = async (options: Parameters<typeof openBpf>[0], code: string): Promise<void> => {
    try {
      await openBpf(options);
    } catch (error) {
      assert.is(error instanceof BpfkitError && error.code, code);
      return;
    }
    assert.unreachable();
  };
  await refused({}, "US001");
  await refused({ text, object: new Uint8Array() }, "US001");
  await refused({ file: "/no/such/file.o" }, "BK012");
  await refused({ object: new Uint8Array(10) }, "EL001");
  await refused({ text: "int kprobe__no_such_function(void *ctx) { return 0; }", cache: false }, "LD054");
  await refused({ text, scenario: "no such workload" }, "US001");
});

test.run();
