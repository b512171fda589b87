/** What BCC's callers pass to the compiler: definitions, folders of headers, headers before the text. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";

const folder = mkdtempSync(join(tmpdir(), "bpfkit-flags-"));
const first = join(folder, "first.h");
writeFileSync(first, '#include "inner.h"\n#define PARENT(t) ((t)->real_parent)\nBPF_HASH(counts, u32);\n');
writeFileSync(
  join(folder, "inner.h"),
  "#pragma once\n#include <linux/sched.h>\nstruct pair { u32 a, b; };\n",
);

const text = `#include <inner.h>
int f(struct pt_regs *ctx, struct task_struct *p)
{
	struct pair pair = { PARENT(p)->pid, VALUE };
	counts.increment(pair.a + pair.b);
	return RESULT;
}
`;

test("-D, -I and -include reach program and headers", async () => {
  const builder = new Builder({
    cache: false,
    defines: ["VALUE=3", "RESULT=XDP_DROP"],
    includeDirs: [folder],
    preIncludes: [first],
  });
  try {
    const { rewritten, headers } = await builder.rewrite({ file: "flags.c", text });
    assert.match(rewritten, "BPF_CORE_READ(PARENT(p), pid)");
    assert.match(headers.get(first) ?? "", "#define PARENT(t) (BPF_CORE_READ((t), real_parent))");
    const { object } = await builder.compile({ file: "flags.c", text });
    assert.ok(object.length > 0);
  } finally {
    await builder.close();
  }
});

test("a header that is not there is named", async () => {
  const builder = new Builder({ cache: false, preIncludes: [join(folder, "none.h")] });
  try {
    await builder.compile({ file: "flags.c", text });
    assert.unreachable("built");
  } catch (error) {
    assert.ok(error instanceof BpfkitError && error.code === "BK012", String(error));
    assert.match(error.message, "none.h");
  } finally {
    await builder.close();
  }
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
