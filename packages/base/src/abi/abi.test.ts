/** Tests of the kernel's ABI tables. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  AttachType,
  allHelpers,
  attachTypeName,
  attachTypeSince,
  Command,
  compareReleases,
  Errno,
  errnoName,
  gplOnlyHelpers,
  helperById,
  helperByName,
  isGplCompatible,
  MapCreateFlag,
  MapType,
  MapUpdateFlag,
  mapTypeName,
  NewerAttachType,
  PerfOutputFlag,
  ProgramType,
  programTypeName,
  RingBufferHeader,
  StackFlag,
  since,
} from "./index.ts";

test("numbers of the kernel's header", () => {
  // uapi linux/bpf.h: these never change.
  assert.equal(
    [MapType.Hash, MapType.PerfEventArray, MapType.LruPercpuHash, MapType.Ringbuf, MapType.UserRingbuf],
    [1, 4, 10, 27, 31],
  );
  assert.equal(
    [ProgramType.SocketFilter, ProgramType.Tracepoint, ProgramType.Tracing, ProgramType.Syscall],
    [1, 5, 26, 31],
  );
  assert.equal([AttachType.CgroupInetIngress, AttachType.TraceFentry, AttachType.PerfEvent], [0, 24, 41]);
  assert.equal(
    [Command.MapCreate, Command.ProgTestRun, Command.ProgRun, Command.LinkCreate],
    [0, 10, 10, 28],
  );
  assert.equal([MapCreateFlag.NoPrealloc, MapCreateFlag.RdonlyProg, MapCreateFlag.InnerMap], [1, 128, 4096]);
  assert.equal(
    [MapUpdateFlag.Any, MapUpdateFlag.Noexist, MapUpdateFlag.Exist, MapUpdateFlag.Lock],
    [0, 1, 2, 4],
  );
  assert.equal([StackFlag.UserStack, PerfOutputFlag.CurrentCpu], [256, 0xffff_ffff]);
  assert.equal(
    [RingBufferHeader.BusyBit, RingBufferHeader.DiscardBit, RingBufferHeader.HdrSz],
    [2 ** 31, 2 ** 30, 8],
  );
});

test("names as bpftool spells them", () => {
  assert.equal(
    [MapType.Hash, MapType.PercpuArray, MapType.LruPercpuHash, MapType.ArrayOfMaps].map(mapTypeName),
    ["hash", "percpu_array", "lru_percpu_hash", "array_of_maps"],
  );
  assert.equal([ProgramType.SchedCls, ProgramType.LwtSeg6local, ProgramType.LircMode2].map(programTypeName), [
    "sched_cls",
    "lwt_seg6local",
    "lirc_mode2",
  ]);
  assert.is(attachTypeName(AttachType.CgroupInet4Bind), "cgroup_inet4_bind");
  assert.is(attachTypeName(NewerAttachType.CgroupUnixConnect), "cgroup_unix_connect");
  assert.is(attachTypeSince(NewerAttachType.CgroupUnixConnect), "6.7");
  assert.is(attachTypeSince(AttachType.CgroupInet4Bind), undefined);
  assert.is(mapTypeName(999), "map type 999");
});

test("helpers have consecutive ids, prototypes, and facts that name them", () => {
  assert.is(allHelpers().length, 211);
  for (const [index, helper] of allHelpers().entries()) {
    assert.is(helper.id, index + 1);
    assert.is(helperById(helper.id), helper);
    assert.ok(helper.prototype.params.length <= 5);
    assert.ok(helper.since !== undefined);
  }
  for (const name of gplOnlyHelpers) assert.ok(helperByName(name), `${name} is no helper`);
  assert.is(helperByName("bpf_map_lookup_elem"), helperByName("map_lookup_elem"));
  assert.is(helperByName("nothing"), undefined);
  assert.is(helperById(0), undefined);
  assert.equal(helperById(2)?.prototype.params.at(-1), { type: "u64", name: "flags" });
  assert.equal(helperById(6)?.prototype.params.at(-1), { type: "...", name: "" });
  assert.is(helperById(1)?.prototype.returns, "void *");
});

test("licences", () => {
  assert.ok(helperByName("probe_read_kernel")?.gplOnly);
  assert.ok(helperByName("trace_printk")?.gplOnly);
  assert.not.ok(helperByName("map_update_elem")?.gplOnly);
  assert.not.ok(helperByName("ktime_get_ns")?.gplOnly);
  assert.ok(isGplCompatible("GPL") && isGplCompatible("Dual BSD/GPL"));
  assert.not.ok(isGplCompatible("gpl") || isGplCompatible("MIT") || isGplCompatible(""));
});

test("first releases", () => {
  assert.equal(
    ["map_lookup_elem", "perf_event_output", "probe_read_kernel", "ringbuf_output", "loop"].map(
      (name) => helperByName(name)?.since,
    ),
    ["3.19", "4.4", "5.5", "5.8", "5.17"],
  );
  assert.equal(
    [MapType.Array, MapType.StackTrace, MapType.LruHash, MapType.Ringbuf].map((type) =>
      since("map type", type),
    ),
    ["3.19", "4.6", "4.10", "5.8"],
  );
  assert.equal(
    [ProgramType.Kprobe, ProgramType.RawTracepoint, ProgramType.Tracing].map((type) =>
      since("program type", type),
    ),
    ["4.1", "4.17", "5.5"],
  );
  assert.is(since("helper", 0), undefined);
  assert.is(since("helper", 5000), undefined);
  assert.ok(compareReleases("4.9", "4.10") < 0);
  assert.ok(compareReleases("6.1.0-56-cloud-amd64", "5.19") > 0);
  assert.is(compareReleases("5.8.3", "5.8"), 0);
});

test("errno", () => {
  assert.is(errnoName(Errno.E2BIG), "E2BIG");
  assert.is(errnoName(524), "ENOTSUPP");
  assert.is(errnoName(4242), "errno 4242");
});

test.run();
