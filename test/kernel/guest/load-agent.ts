/** Runs inside the guest: loads every object of /objects with bpfkit's own loader, attaches nothing, reports each. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { BtfTable } from "@bpfkit/elf/btf";
import { Collection, CollectionSpec } from "@bpfkit/loader";
import { openLinuxKernel } from "bpfkit/node";
import { report } from "./run-cases.ts";

const folder = "/objects";
const kernel = await openLinuxKernel();
const vmlinux = "/sys/kernel/btf/vmlinux";
const targetBtf = BtfTable.decode(kernel.readKernelFile(vmlinux), { name: vmlinux });
// For maps that are pinned: every object finds the folder empty.
const pins = "/sys/fs/bpf";
execFileSync("/bin/mount", ["-t", "bpf", "bpf", pins]);
const files = readdirSync(folder).sort();
for (const file of files) {
  const name = basename(file, ".o");
  const started = performance.now();
  let error: string | undefined;
  try {
    const spec = CollectionSpec.fromObject(readFileSync(join(folder, file)), name);
    Collection.load(spec, kernel, { targetBtf }).close();
  } catch (failure) {
    error = failure instanceof Error ? failure.message : String(failure);
  }
  for (const pin of readdirSync(pins)) rmSync(join(pins, pin), { recursive: true });
  const ms = Math.round(performance.now() - started);
  report({ kind: "load", name, ms, ...(error === undefined ? {} : { error }) });
}
report({ kind: "done", count: files.length });
process.exit(0);
