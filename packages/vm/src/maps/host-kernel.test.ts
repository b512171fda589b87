/** Our maps and the maps of the kernel this test runs on, side by side. Maps are only created, nothing is attached. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mountBpfFileSystem } from "../../../../test/support/bpf-file-system.ts";
import { canLoadBpf, requireTool } from "../../../../test/support/native-tools.ts";
import { mapScripts } from "../testdata/map-scripts.ts";
import { runOnHost, runOnOurs } from "../testdata/run-map-script.ts";

const bpftool = requireTool("bpftool");
if (bpftool !== undefined && canLoadBpf()) {
  const pins = mountBpfFileSystem();
  test.after(() => pins.unmount());
  for (const script of mapScripts) {
    test(`${script.name} behaves as the host kernel's`, () => {
      const host = runOnHost(bpftool, `${pins.folder}/${script.name}`, script);
      assert.equal(runOnOurs(script), host);
    });
  }
}

test.run();
