/** Tests of kernel functions, variables, addresses and configuration that programs name, on this machine's kernel. */
import { readFileSync } from "node:fs";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { BtfTable } from "@bpfkit/elf/btf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import type { LinuxKernel } from "../linux/linux-kernel.ts";
import { CollectionSpec } from "../spec/collection-spec.ts";
import { kernelTest } from "../testdata/host-kernel.ts";
import { Collection } from "./collection.ts";
import { typesFor } from "./older-types.ts";

const object = compileNative(new URL("../testdata/kernel-symbols.bpf.c", import.meta.url));
const config = new Map([["CONFIG_HZ", "250"]]);
const packet = { data: new Uint8Array(64) };

/** The address of a symbol, as root sees it. */
function addressOf(name: string): bigint {
  const line = new RegExp(`^([0-9a-f]+) [tT] ${name}$`, "m").exec(readFileSync("/proc/kallsyms", "latin1"));
  return BigInt(`0x${line?.[1] ?? "0"}`);
}

const isNew = ({ release }: LinuxKernel): boolean =>
  Number(release.split(".", 1)[0]) > 6 || /^6\.([2-9]|\d\d)/.test(release);

if (object !== undefined) {
  const fresh = (): CollectionSpec => CollectionSpec.fromObject(object, "kernel-symbols.o");

  kernelTest(
    "a program calls a kernel function, skips absent ones, and its variables are read and written",
    (kernel) => {
      // bpf_rcu_read_lock came with Linux 6.2.
      if (!isNew(kernel)) return;
      const loaded = Collection.load(fresh(), kernel, { config });
      const run = (): void => {
        assert.is(loaded.programs.get("use")?.testRun(packet).returnValue, 0);
      };
      run();
      const value = (name: string) => loaded.variable(name).read();
      assert.equal([value("absent"), value("hz"), value("cookie"), value("runs")], [0n, 250n, 1n, 42]);
      assert.is(value("address"), addressOf("bpf_prog_load"));
      loaded.variable("runs").write(-8);
      run();
      assert.is(value("runs"), -6);
      assert.is(value("hidden"), 2n);
      assert.throws(() => loaded.variable("step").write(3), /LD035|constant once it is loaded/);
      assert.throws(() => loaded.variable("none"), /no global variable none/);
      loaded.close();
      loaded.close();
    },
  );

  kernelTest("configuration that is not known is named", (kernel) => {
    if (!isNew(kernel)) return;
    kernel.kernelConfiguration = () => undefined;
    assert.throws(
      () => Collection.load(fresh(), kernel),
      (error: unknown) =>
        error instanceof BpfkitError && error.code === "LD032" && /CONFIG_HZ/.test(error.message),
    );
    kernel.kernelConfiguration = () => "# comment\nCONFIG_HZ=300\n# CONFIG_X is not set\n";
    const loaded = Collection.load(fresh(), kernel);
    loaded.programs.get("use")?.testRun(packet);
    assert.is(loaded.variable("hz").read(), 300n);
    loaded.close();
  });

  kernelTest("a kernel function of another type is refused", (kernel) => {
    if (!isNew(kernel)) return;
    const spec = fresh();
    const extern = spec.externs.get("bpf_rcu_read_lock");
    const other = spec.externs.get("bpf_no_such_function");
    assert.ok(extern !== undefined && other !== undefined);
    const externs = new Map(spec.externs).set(extern.name, { ...extern, typeId: other.typeId });
    const changed = new CollectionSpec({ ...spec, externs });
    assert.throws(
      () => Collection.load(changed, kernel, { config }),
      /LD034|bpf_rcu_read_lock has another type/,
    );
  });

  test("types for older kernels keep their numbers and hold no newer kinds", () => {
    const { kernelBtf, btf } = fresh();
    assert.ok(kernelBtf !== undefined && btf !== undefined);
    const kinds = (bytes: Uint8Array): string[] => {
      const table = BtfTable.decode(bytes);
      return Array.from({ length: table.typeCount }, (_, id) => table.kindOf(id));
    };
    const recent = kinds(kernelBtf);
    assert.is(recent.length, btf.typeCount);
    assert.ok(recent.includes("datasec") && recent.includes("func"));
    const since418 = kinds(typesFor(kernelBtf, (feature) => feature === "btf"));
    assert.is(since418.length, btf.typeCount);
    for (const kind of ["datasec", "func", "func_proto", "var", "decl_tag", "type_tag", "enum64", "float"]) {
      assert.not.ok(since418.includes(kind), kind);
    }
    const since55 = typesFor(kernelBtf, (feature) => ["btf-func", "btf-datasec"].includes(feature));
    const table = BtfTable.decode(since55);
    for (const id of table.typesOfKind("func")) {
      const type = table.type(id);
      assert.is(type.kind === "func" && type.linkage, "static");
    }
    assert.is(
      typesFor(kernelBtf, () => true),
      kernelBtf,
    );
  });

  kernelTest("the kernel takes the types for every age", (kernel) => {
    const { kernelBtf } = fresh();
    assert.ok(kernelBtf);
    const ages = [
      ["btf"],
      ["btf", "btf-func"],
      ["btf", "btf-func", "btf-datasec"],
      ["btf", "btf-func", "btf-datasec", "btf-func-global"],
    ];
    for (const age of ages) {
      kernel.close(kernel.btfLoad(typesFor(kernelBtf, (feature) => age.includes(feature))));
    }
  });
}

test.run();
