/** Tests of names that the kernel defines: what is filled in, what is zero, what is refused. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { Collection } from "../object/collection.ts";
import { CollectionSpec } from "../spec/collection-spec.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { kernelVersionCode, resolveExterns } from "./externs.ts";

test("version codes are counted as the kernel does", () => {
  assert.is(kernelVersionCode("6.1.0-28-amd64"), 0x060100);
  assert.is(kernelVersionCode("5.10.300"), 0x050aff);
  assert.is(kernelVersionCode("6.18"), 0x061200);
});

test("features that libbpf's headers ask for follow from the release", () => {
  const source = new URL("../testdata/feature-externs.bpf.c", import.meta.url);
  const object = compileNative(source);
  if (object === undefined) return;
  const spec = CollectionSpec.fromObject(object, "features.o");
  const values = (release: string): number[] => {
    const { values, map } = resolveExterns(spec.externs.values(), spec.btf, { release });
    return ["LINUX_HAS_SYSCALL_WRAPPER", "LINUX_HAS_BPF_COOKIE"].map((name) => {
      const value = values.get(name);
      return value?.kind === "map-value" ? (map?.contents?.[value.offset] ?? -1) : -1;
    });
  };
  assert.equal(values("4.16.9"), [0, 0]);
  assert.equal(values("5.14.0"), [1, 0]);
  assert.equal(values("6.1.0"), [1, 1]);
});

const object = compileNative(new URL("../testdata/externs.bpf.c", import.meta.url));
const strong = compileNative(new URL("../testdata/externs.bpf.c", import.meta.url), "v3", ["-DSTRONG"]);

if (object !== undefined && strong !== undefined) {
  test("configuration values are encoded by their types", () => {
    const spec = CollectionSpec.fromObject(object, "externs.o");
    const config = new Map([
      ["CONFIG_HZ", "250"],
      ["CONFIG_SMP", "y"],
      ["CONFIG_CC_VERSION_TEXT", '"gcc (Debian) 12.2.0"'],
    ]);
    const { values, map } = resolveExterns(spec.externs.values(), spec.btf, { release: "6.1.5", config });
    const bytes = map?.contents ?? new Uint8Array();
    const at = (name: string): number => {
      const value = values.get(name);
      return value?.kind === "map-value" ? value.offset : -1;
    };
    const view = new DataView(bytes.buffer);
    assert.is(view.getUint32(at("LINUX_KERNEL_VERSION"), true), 0x060105);
    assert.is(view.getBigUint64(at("CONFIG_HZ"), true), 250n);
    assert.is(view.getUint8(at("CONFIG_SMP")), 1);
    const text = at("CONFIG_CC_VERSION_TEXT");
    assert.is(new TextDecoder().decode(bytes.subarray(text, text + 16)), "gcc (Debian) 12\0");
    assert.equal(values.get("no_such_symbol"), { kind: "constant", value: 0n });
  });

  test("a program with weak names loads where nothing is known of the configuration", () => {
    const kernel = new RecordingKernel();
    const collection = Collection.load(CollectionSpec.fromObject(object, "externs.o"), kernel);
    assert.is(kernel.maps.get(collection.maps.get(".kconfig")?.fd ?? (0 as never))?.frozen, true);
    collection.close();
    assert.is(kernel.open.size, 0);
  });

  test("names that nothing defines are refused, each by name", () => {
    const spec = CollectionSpec.fromObject(strong, "externs.o");
    const refusal = (pattern: RegExp) => (error: unknown) =>
      error instanceof BpfkitError && error.code === "LD032" && pattern.test(error.message);
    assert.throws(
      () => Collection.load(spec, new RecordingKernel()),
      refusal(/config.*CONFIG_NO_SUCH_THING/),
    );
    const [config, symbol] = [spec.programs.get("config"), spec.programs.get("symbol")];
    if (config !== undefined) config.autoload = false;
    if (symbol !== undefined) symbol.autoload = true;
    const kernel = new RecordingKernel();
    assert.throws(() => Collection.load(spec, kernel), refusal(/symbol.*some_kernel_symbol/));
    assert.is(kernel.open.size, 0);
  });
}

test.run();
