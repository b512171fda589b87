/** Tests of structs of functions: laid out for a kernel that records, and loaded (never registered) by this machine's. */
import { Errno, MapType, NewerAttachType, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { attachStructOps } from "../link/struct-ops.ts";
import { CollectionSpec } from "../spec/collection-spec.ts";
import { kernelTest } from "../testdata/host-kernel.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { structOpsTypes } from "../testdata/struct-ops-types.ts";
import { Collection } from "./collection.ts";

const source = new URL("../testdata/struct-ops.bpf.c", import.meta.url);
const compile = (section: string, ...extra: string[]): Uint8Array | undefined =>
  compileNative(source, "v3", [`-DTABLES="${section}"`, ...extra]);
const object = compile(".struct_ops");

const missing = (): never => {
  throw new Error("it is not there");
};

const code = (wanted: string, pattern: RegExp) => (error: unknown) =>
  error instanceof BpfkitError && error.code === wanted && pattern.test(error.message);

if (object !== undefined) {
  const fresh = (bytes: Uint8Array | undefined = object): CollectionSpec =>
    CollectionSpec.fromObject(bytes ?? new Uint8Array(), "struct-ops.o");
  const load = (kernel: RecordingKernel, spec = fresh(), targetBtf = structOpsTypes()): Collection =>
    Collection.load(spec, kernel, { targetBtf });

  test("programs name the kernel's struct and member, maps its value", () => {
    const kernel = new RecordingKernel();
    const targetBtf = structOpsTypes();
    const collection = load(kernel, fresh(), targetBtf);
    const loaded = [...collection.programs.values()].map(({ name, fd }) => {
      const { type, attachBtfId, expectedAttachType } = kernel.programs.get(fd) ?? missing();
      assert.is(type, ProgramType.StructOps);
      assert.is(attachBtfId, targetBtf.find("tcp_congestion_ops", "struct"));
      return [name, expectedAttachType];
    });
    assert.equal(loaded, [
      ["bpf_test_ssthresh", 0],
      ["bpf_test_undo_cwnd", 3],
      ["bpf_test_cong_avoid", 1],
    ]);
    const map = collection.maps.get("bpf_test") ?? missing();
    const { type, keySize, valueSize, maxEntries, flags, name, btf, btfVmlinuxValueTypeId } =
      kernel.maps.get(map.fd)?.attributes ?? missing();
    assert.equal(
      [type, keySize, valueSize, maxEntries, flags, name, btf !== undefined],
      [MapType.StructOps, 4, 128, 1, 0, "bpf_test", true],
    );
    assert.is(btfVmlinuxValueTypeId, targetBtf.find("bpf_struct_ops_tcp_congestion_ops", "struct"));
    assert.is(collection.maps.has("second"), true);
    assert.is(collection.maps.has("skipped"), false);
    assert.is(kernel.maps.get(map.fd)?.entries.size, 0);
    collection.close();
    assert.is(kernel.open.size, 0);
  });

  test("a map update registers: descriptors and values at the kernel's offsets; closing takes it back", () => {
    const kernel = new RecordingKernel();
    const collection = load(kernel);
    const map = collection.maps.get("bpf_test") ?? missing();
    const entries = kernel.maps.get(map.fd)?.entries ?? missing();
    const link = attachStructOps(kernel, map);
    const value = entries.get("0,0,0,0") ?? missing();
    const view = new DataView(value.buffer);
    const fd = (name: string): bigint => BigInt(collection.programs.get(name)?.fd ?? -1);
    assert.is(view.getBigUint64(64, true), fd("bpf_test_ssthresh"));
    assert.is(view.getBigUint64(72, true), fd("bpf_test_cong_avoid"));
    assert.is(view.getBigUint64(80, true), 0n);
    assert.is(view.getBigUint64(88, true), fd("bpf_test_undo_cwnd"));
    assert.is(new TextDecoder().decode(value.subarray(100, 109)), "bpf_test\0");
    assert.ok(value.subarray(0, 64).every((byte) => byte === 0));
    link.close();
    link.close();
    assert.is(entries.size, 0);
    // Closing the map alone takes it back, too.
    const again = attachStructOps(kernel, map);
    assert.is(entries.size, 1);
    collection.close();
    assert.is(entries.size, 0);
    again.close();
  });

  test("section .struct_ops.link registers through a link", () => {
    const bytes = compile(".struct_ops.link");
    const kernel = new RecordingKernel();
    const collection = load(kernel, fresh(bytes));
    const map = collection.maps.get("bpf_test") ?? missing();
    assert.is(kernel.maps.get(map.fd)?.attributes.flags, 1 << 13);
    const link = attachStructOps(kernel, map);
    const [fd] = link.fds;
    const { program, target, attachType } = kernel.created.get(fd ?? (0 as Fd)) ?? missing();
    assert.equal([program, target, attachType], [map.fd, 0, NewerAttachType.StructOps]);
    assert.is(kernel.maps.get(map.fd)?.entries.size, 1);
    link.close();
    kernel.linkErrno = Errno.EEXIST;
    assert.throws(() => attachStructOps(kernel, map), code("LD093", /bpf_test could not be registered/));
    collection.close();
    assert.is(kernel.open.size, 0);
  });

  test("a kernel that knows no such links is named", () => {
    class Older extends RecordingKernel {
      override mapCreate(attributes: Parameters<RecordingKernel["mapCreate"]>[0]): Fd {
        if ((attributes.flags & (1 << 13)) !== 0) throw new SyscallError("BPF_MAP_CREATE", Errno.EINVAL);
        return super.mapCreate(attributes);
      }
    }
    const kernel = new Older();
    assert.throws(
      () => load(kernel, fresh(compile(".struct_ops.link"))),
      (error: unknown) => code("LD051", /bpf_test/)(error) && /6\.4/.test((error as BpfkitError).hint ?? ""),
    );
    assert.is(kernel.open.size, 0);
  });

  test("what the kernel does not have is refused, and nothing stays behind", () => {
    const kernel = new RecordingKernel();
    const refused = (types: BtfTable, pattern: RegExp, spec = fresh()): void => {
      assert.throws(() => load(kernel, spec, types), code("LD093", pattern));
      assert.is(kernel.open.size, 0);
    };
    refused(structOpsTypes("undo_cwnd"), /bpf_test .*no member undo_cwnd/);
    refused(structOpsTypes("name"), /no member name/);
    refused(structOpsTypes(undefined, "bpf_struct_ops_other"), /takes no struct tcp_congestion_ops/);
    refused(structOpsTypes(), /no member unknown/, fresh(compile(".struct_ops", "-DUNKNOWN=1")));
    // Members that are zero need not be there.
    load(kernel, fresh(), structOpsTypes("flags")).close();
    load(kernel, fresh(compile(".struct_ops", "-DUNKNOWN=0"))).close();
  });

  test("programs at other members, of other types or in no struct are refused", () => {
    const kernel = new RecordingKernel();
    const misused = (initializer: string, pattern: RegExp): void => {
      const bytes = compile(".struct_ops", `-DMISUSED=${initializer}`);
      assert.throws(() => load(kernel, fresh(bytes)), code("LD018", pattern));
    };
    misused(".ssthresh = (void *)bpf_test_undo_cwnd", /bpf_test_undo_cwnd is at different members/);
    misused(".ssthresh = (void *)a_filter", /a_filter, which is no program of type struct_ops/);
    misused(".ssthresh = (void *)&runs", /member ssthresh of misused holds an address/);
    const spec = fresh();
    spec.maps.delete("skipped");
    assert.throws(() => load(kernel, spec), code("LD053", /only_skipped .*no struct holds it/));
    const off = fresh();
    const program = off.programs.get("bpf_test_undo_cwnd") ?? missing();
    program.autoload = false;
    assert.throws(() => load(kernel, off), code("LD018", /bpf_test_undo_cwnd, which is not loaded/));
    assert.is(kernel.open.size, 0);
  });

  test("a struct that is skipped is created where its spec says so", () => {
    const kernel = new RecordingKernel();
    const spec = fresh();
    const structOps = spec.maps.get("skipped")?.structOps ?? missing();
    structOps.autocreate = true;
    const other = spec.programs.get("only_skipped") ?? missing();
    const collection = load(kernel, spec);
    assert.is(collection.maps.has("skipped"), true);
    assert.is(other.autoload, true);
    collection.close();
  });

  kernelTest("this machine's kernel takes programs and maps, without registering them", (kernel) => {
    const [major = 0, minor = 0] = kernel.release.split(".").map(Number);
    const hasLinks = major > 6 || (major === 6 && minor >= 4);
    for (const section of hasLinks ? [".struct_ops", ".struct_ops.link"] : [".struct_ops"]) {
      const collection = Collection.load(fresh(compile(section)), kernel);
      assert.is(collection.programs.size, 3);
      const { fd } = collection.maps.get("bpf_test") ?? missing();
      const { type, flags } = kernel.mapInfo(fd);
      assert.equal([type, flags], [MapType.StructOps, section === ".struct_ops" ? 0 : 1 << 13]);
      collection.close();
    }
  });
}

test.run();
