/** Tests of programs that replace functions of others: what they name, and what is refused. The guest attaches one. */
import { ProgramType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Fd } from "@bpfkit/base/kernel";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { autoAttach } from "../link/auto-attach.ts";
import { CollectionSpec } from "../spec/collection-spec.ts";
import { kernelTest } from "../testdata/host-kernel.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { Collection } from "./collection.ts";

const [extended, extension] = ["extended", "extension"].map((name) =>
  compileNative(new URL(`../testdata/${name}.bpf.c`, import.meta.url)),
);

/** The extension with one of its programs switched on. */
function only(name: string): CollectionSpec {
  const spec = CollectionSpec.fromObject(extension ?? new Uint8Array(), "extension.o");
  for (const program of spec.programs.values()) program.autoload = program.name === name;
  return spec;
}

const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof BpfkitError && error.code === "LD053" && pattern.test(error.message);

if (extended !== undefined && extension !== undefined) {
  test("an extension names the other program and the function in its types; attaching names neither", () => {
    const kernel = new RecordingKernel();
    const spec = CollectionSpec.fromObject(extended, "extended.o");
    const target = Collection.load(spec, kernel);
    const extend = target.programs.get("asks");
    assert.ok(extend !== undefined && spec.btf !== undefined && spec.kernelBtf !== undefined);
    const { kernelBtf } = spec;
    const asked: number[] = [];
    kernel.objects.programInfo = () => ({ btfId: 77 }) as never;
    kernel.objects.openById = (kind, id) => {
      asked.push(id);
      assert.is(kind, "btf");
      const fd = 99 as Fd;
      kernel.open.add(fd);
      return fd;
    };
    kernel.objects.btfData = () => kernelBtf;
    const loaded = Collection.load(only("other_answer"), kernel, { extend });
    const program = loaded.programs.get("other_answer");
    const attributes = kernel.programs.get(program?.fd ?? (0 as Fd));
    assert.is(attributes?.type, ProgramType.Ext);
    assert.is(attributes?.attachProgram, extend.fd);
    assert.is(attributes?.attachBtfId, spec.btf.find("answer", "func"));
    assert.equal(asked, [77]);
    assert.ok(program);
    const link = autoAttach(kernel, program);
    assert.is(link?.description, "freplace:answer");
    assert.equal([...kernel.rawTracepoints.values()], [{ name: "", program: program.fd }]);
    link?.close();
    loaded.close();
    target.close();
    assert.is(kernel.open.size, 0);
  });

  kernelTest(
    "what cannot be extended is named, by the types of a program in this machine's kernel",
    (kernel) => {
      const target = Collection.load(CollectionSpec.fromObject(extended, "extended.o"), kernel);
      const extend = target.programs.get("asks");
      assert.ok(extend);
      const load =
        (name: string, options = { extend }) =>
        () =>
          Collection.load(only(name), kernel, options);
      assert.throws(load("no_answer"), refused(/asks has no function no_such_function/));
      assert.throws(load("no_question"), refused(/no_question does not say which function/));
      assert.throws(
        () => Collection.load(only("other_answer"), kernel),
        refused(/other_answer does not say the program whose function/),
      );
      target.close();
    },
  );
}

test.run();
