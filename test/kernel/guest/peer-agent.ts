/**
 * Runs inside the guest: bpfkit beside BCC, libbpf-tools and bpftrace, which are on the guest's disk. The file
 * /peers-input/parts names what to compare.
 */
import { readFileSync } from "node:fs";
import { openLinuxKernel } from "bpfkit/node";
import { mountPeers } from "./peers/disk.ts";
import { compareEvents } from "./peers/events.ts";
import { compareFrontEnds } from "./peers/side-by-side.ts";
import { report } from "./run-cases.ts";

mountPeers();
const kernel = await openLinuxKernel();
let count = 0;
for (const part of readFileSync("/peers-input/parts", "utf8").trim().split(" ")) {
  if (part === "events") count += await compareEvents(kernel);
  else if (part === "front-ends") count += await compareFrontEnds();
  else throw new Error(`no part ${part}`);
}
kernel.shutdown();
report({ kind: "done", count });
process.exit(0);
