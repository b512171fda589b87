/** Tests of `feature` against bpftool's answers on this machine's kernel. */
import { execFileSync } from "node:child_process";
import { describeFeatures, type FeatureReport, jsonText } from "bpfkit";
import { openLinuxKernel } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, requireTool } from "../../../../test/support/native-tools.ts";
import { featureLines } from "./feature.ts";

const bpftool = requireTool("bpftool");
const mayLoad = bpftool !== undefined && canLoadBpf();
if (!mayLoad) {
  const message = "comparing features with bpftool needs root and a kernel that loads programs";
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message}\n`);
} else {
  test("sysctls, configuration, types and helpers are what bpftool finds", async () => {
    const kernel = await openLinuxKernel();
    let report: FeatureReport;
    try {
      report = describeFeatures(kernel, { helpers: true });
    } finally {
      kernel.shutdown();
    }
    const words = ["-j", "feature", "probe", "kernel"];
    const theirs = JSON.parse(execFileSync(bpftool, words, { encoding: "utf8", maxBuffer: 1 << 26 }));
    const ours = JSON.parse(jsonText(report));
    for (const part of ["system_config", "syscall_config", "program_types", "map_types", "misc"]) {
      // What this process may not find out is not there for bpftool.
      const isAnswer = part !== "system_config";
      for (const [name, value] of Object.entries(theirs[part])) {
        const found = ours[part][name];
        assert.equal(isAnswer ? (found ?? false) : found, value, name);
      }
    }
    // bpftool before 7.4 does not know the words with which verifiers since Linux 6.8 refuse a helper, and then
    // takes it for there. What both can tell apart is compared on Linux 6.1, in the guest.
    for (const [list, names] of Object.entries<string[]>(ours.helpers)) {
      // Of types that came after it bpftool says nothing, and of helpers the same.
      const known = theirs.helpers[list] ?? names;
      const extra = names.filter((name) => !known.includes(name) && !name.startsWith("bpf_cgrp_storage_"));
      assert.equal(extra, [], list);
    }
    assert.ok(ours.helpers.kprobe_available_helpers.includes("bpf_get_stackid"));
    assert.not.ok(ours.helpers.socket_filter_available_helpers.includes("bpf_xdp_adjust_head"));
    assert.not.ok(
      ours.helpers.kprobe_available_helpers.includes("bpf_trace_printk"),
      "would warn in the log",
    );
    const lines = featureLines(report);
    assert.ok(
      lines.some((line) => /^ {2}kprobe +yes, \d+ helpers$/.test(line)),
      lines.join("\n"),
    );
    assert.ok(lines.includes("HELPERS OF xdp"));
  });
}

test.run();
