/** The bundled kernel profile holds what the tools need, and damaged or foreign files are refused by name. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { BtfTable } from "@bpfkit/elf/btf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BundledProfileName, loadBundledProfile, loadProfileFromBtf, readProfile } from "./profile.ts";

const file = new URL(`../../profiles/${BundledProfileName}.bpfkit-profile`, import.meta.url);

test("the bundled profile is small and says where it comes from", () => {
  assert.ok(statSync(file).size < 3_000_000);
  const profile = loadBundledProfile();
  assert.is(profile.name, "debian-6.1-cloud-amd64");
  assert.match(profile.release, /^6\.1\.0-\d+-cloud-amd64$/);
  assert.is(profile.origin.package, `linux-image-${profile.release}`);
  assert.match(profile.origin.version, /^6\.1\.\d+-\d+/);
  assert.match(profile.origin.sha256, /^[0-9a-f]{64}$/);
  assert.is(loadBundledProfile(), profile);
  assert.is(profile.btf, profile.btf, "decompressed once");
});

test("its BTF has the types that the tools read", () => {
  const btf = BtfTable.decode(loadBundledProfile().btf);
  const structs = [
    "task_struct",
    "request",
    "gendisk",
    "bio",
    "request_queue",
    "linux_binprm",
    "filename",
    "file",
  ];
  structs.push("open_how", "dentry", "inode", "block_device", "pt_regs", "trace_event_raw_sys_enter");
  structs.push("trace_event_raw_block_rq", "trace_event_raw_block_rq_completion", "bpf_perf_event_data");
  for (const name of structs) assert.ok(btf.find(name, "struct") !== undefined, name);
  assert.ok(
    btf.find("req_opf", "enum") !== undefined || btf.find("req_op", "enum") !== undefined,
    "enum req_op",
  );
  assert.ok(btf.typeCount > 80_000);
});

test("its tracepoints carry the kernel's format text", () => {
  const { tracepointFormats } = loadBundledProfile();
  assert.ok(tracepointFormats.size > 1200);
  const needed = [
    "block/block_rq_issue",
    "block/block_rq_complete",
    "sched/sched_process_exec",
    "sched/sched_switch",
  ];
  for (const call of ["execve", "execveat", "open", "openat", "openat2", "clone"]) {
    needed.push(`syscalls/sys_enter_${call}`, `syscalls/sys_exit_${call}`);
  }
  for (const name of needed) {
    const format = tracepointFormats.get(name) ?? "";
    assert.match(format, new RegExp(`^name: ${name.split("/")[1]}\nID: [0-9]+\nformat:\n`), name);
    assert.match(format, /\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n/, name);
    assert.match(format, /\nprint fmt: .*\n$/, name);
  }
  assert.match(
    tracepointFormats.get("syscalls/sys_enter_openat") ?? "",
    /field:const char \* filename;\toffset:24;\tsize:8;/,
  );
});

test("its functions are those that kprobes accept", () => {
  const { probeableFunctions } = loadBundledProfile();
  assert.ok(probeableFunctions.length > 30_000);
  const functions = new Set(probeableFunctions);
  for (const name of [
    "__x64_sys_clone",
    "do_sys_openat2",
    "blk_mq_start_request",
    "finish_task_switch.isra.0",
  ]) {
    assert.ok(functions.has(name), name);
  }
  // Inlined in this kernel; and functions that kprobes refuse.
  for (const name of ["blk_account_io_start", "get_kprobe", ""]) assert.not.ok(functions.has(name), name);
});

test("damaged profile files are refused", () => {
  const good = new Uint8Array(readFileSync(file));
  const cases: [name: string, bytes: Uint8Array][] = [
    ["empty", new Uint8Array()],
    ["text", new TextEncoder().encode("int main(void) { return 0; }")],
    ["cut in the header", good.subarray(0, 100)],
    ["cut in a section", good.subarray(0, good.length - 1)],
  ];
  const version = good.slice();
  version[8] = 9;
  cases.push(["newer format", version]);
  const header = good.slice();
  header[20] = 0;
  cases.push(["header not JSON", header]);
  for (const [name, bytes] of cases) {
    assert.throws(
      () => readProfile(bytes, "some.file"),
      (error: unknown) =>
        error instanceof BpfkitError && error.code === "PF001" && error.message.includes("some.file"),
      name,
    );
  }
  const body = good.slice();
  body.fill(0xff, 2000, 40_000);
  const damaged = readProfile(body);
  assert.throws(
    () => damaged.btf,
    (error: unknown) =>
      error instanceof BpfkitError && error.code === "PF001" && error.message.includes("btf"),
  );
  assert.ok(damaged.probeableFunctions.length > 0, "other parts stay usable");
});

test("--btf FILE takes raw BTF and keeps the bundled tracepoints", () => {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-profile-"));
  try {
    const path = join(folder, "kernel.btf");
    writeFileSync(path, loadBundledProfile().btf);
    const profile = loadProfileFromBtf(path);
    assert.equal(profile.btf.length, loadBundledProfile().btf.length);
    assert.is(profile.tracepointFormats, loadBundledProfile().tracepointFormats);
    writeFileSync(path, "\x7fELF and so on");
    assert.throws(
      () => loadProfileFromBtf(path),
      (error: unknown) => error instanceof BpfkitError && error.code === "PF003",
    );
    assert.throws(
      () => loadProfileFromBtf(join(folder, "absent")),
      (error: unknown) => error instanceof BpfkitError && error.code === "PF002" && error.hint !== undefined,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
