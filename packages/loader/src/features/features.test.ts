/** Tests of feature probes: against libbpf's probes (bpftool feature) on this kernel, and on kernels that lack things. */
import { spawnSync } from "node:child_process";
import { compareReleases, Errno, MapType, mapTypeName, ProgramType, programTypeName } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelTest } from "../testdata/host-kernel.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { allFeatures, hasFeature } from "./feature.ts";
import { featureTable } from "./table.ts";
import { hasHelper, hasMapType, hasProgramType } from "./types.ts";

/** What bpftool found, by its own names. */
function bpftoolFeatures(): { readonly [part: string]: Record<string, boolean | string[]> } {
  const { stdout } = spawnSync("bpftool", ["--json", "feature", "probe", "kernel"], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout) as ReturnType<typeof bpftoolFeatures>;
}

kernelTest("map types and program types are those that bpftool finds", (kernel) => {
  const { program_types: programs = {}, map_types: maps = {} } = bpftoolFeatures();
  const differences: string[] = [];
  const compare = (name: string, theirs: unknown, ours: boolean): void => {
    if (typeof theirs === "boolean" && theirs !== ours) differences.push(`${name}: ${ours}, not ${theirs}`);
  };
  for (const type of Object.values(MapType)) {
    if (type === MapType.Unspec) continue;
    const name = mapTypeName(type);
    compare(name, maps[`have_${name}_map_type`], hasMapType(kernel, type));
  }
  for (const type of Object.values(ProgramType)) {
    if (type === ProgramType.Unspec) continue;
    const name = programTypeName(type);
    compare(name, programs[`have_${name}_prog_type`], hasProgramType(kernel, type));
  }
  assert.equal(differences, []);
});

kernelTest("helpers are known by program type", (kernel) => {
  // Not compared with bpftool: it does not know the words with which newer verifiers refuse a helper.
  assert.ok(hasHelper(kernel, ProgramType.Xdp, 44), "bpf_xdp_adjust_head");
  assert.ok(hasHelper(kernel, ProgramType.Xdp, 1), "bpf_map_lookup_elem, refused only for its arguments");
  assert.not.ok(hasHelper(kernel, ProgramType.Xdp, 27), "bpf_get_stackid");
  assert.not.ok(hasHelper(kernel, ProgramType.SocketFilter, 44), "bpf_xdp_adjust_head");
  assert.not.ok(hasHelper(kernel, ProgramType.Kprobe, 5000));
});

kernelTest("a recent kernel has everything that loading needs", (kernel) => {
  const missing = allFeatures(kernel).filter(({ supported }) => !supported);
  const due = missing.filter(({ feature }) => compareReleases(kernel.release, feature.since) >= 0);
  // Whether these exist depends on how the kernel was built, too.
  const optional = /^kprobe-|^uprobe-|^tcx-|^netkit-|^netfilter-|^sockmap-/;
  assert.equal(
    due.map(({ name }) => name).filter((name) => !optional.test(name)),
    [],
  );
});

test("a kernel is asked once for each feature, and errors of other kinds are not answers", () => {
  const kernel = new RecordingKernel();
  kernel.linkErrno = Errno.EBADF;
  assert.is(hasFeature(kernel, "perf-link"), true);
  kernel.linkErrno = Errno.EINVAL;
  assert.is(hasFeature(kernel, "perf-link"), true, "as before");
  const other = new RecordingKernel();
  other.linkErrno = Errno.EINVAL;
  assert.is(hasFeature(other, "perf-link"), false);
  other.rejection = new Error("broken");
  assert.throws(() => hasFeature(other, "program-name"), /broken/);
  other.rejection = new SyscallError("BPF_PROG_LOAD", Errno.E2BIG);
  assert.is(hasFeature(other, "program-name"), false);
});

test("every row names the release that brought it", () => {
  for (const [name, { since, description }] of Object.entries(featureTable)) {
    assert.match(since, /^\d+\.\d+$/, name);
    assert.ok(description.length > 3);
  }
});

test.run();
