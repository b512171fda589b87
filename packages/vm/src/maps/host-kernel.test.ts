/** Our maps and the maps of the kernel this test runs on, side by side. Maps are only created, nothing is attached. */
import { execFileSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, requireTool } from "../../../../test/support/native-tools.ts";
import { mapScripts } from "../testdata/map-scripts.ts";
import { runOnHost, runOnOurs } from "../testdata/run-map-script.ts";

/** Where this test's maps are pinned. */
const PIN_FOLDER = "/sys/fs/bpf";

function hostIsReady(): boolean {
  try {
    execFileSync("sh", ["-c", `mount | grep -q ' ${PIN_FOLDER} type bpf'`]);
  } catch {
    process.stderr.write(`SKIPPED: ${PIN_FOLDER} is not mounted; maps were not compared with the kernel's\n`);
    return false;
  }
  return true;
}

const bpftool = requireTool("bpftool");
if (bpftool !== undefined && canLoadBpf() && hostIsReady()) {
  for (const script of mapScripts) {
    test(`${script.name} behaves as the host kernel's`, () => {
      const host = runOnHost(bpftool, `${PIN_FOLDER}/bpfkit-${process.pid}-${script.name}`, script);
      assert.equal(runOnOurs(script), host);
    });
  }
}

test.run();
