/** Tests of walking, describing and pinning what is loaded, against bpftool's view of the same kernel. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { Errno, MapType, ProgramType } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import { BtfTable } from "@bpfkit/elf/btf";
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelTest, withPins } from "../testdata/host-kernel.ts";
import type { LinuxKernel } from "./linux-kernel.ts";
import { linkInfo, programInfo } from "./object-structs.ts";
import { mapInfo } from "./structs.ts";

test("offsets of the info structs", () => {
  // Facts: offsetof() of uapi linux/bpf.h (Linux 6.1), printed by a C compiler on x86-64.
  assert.equal(
    (
      [
        "translated",
        "mapIds",
        "name",
        "gplCompatible",
        "btfId",
        "lineInfo",
        "runTime",
        "attachBtfId",
      ] as const
    ).map((name) => programInfo.offsetOf(name)),
    [32, 56, 64, 84, 128, 152, 192, 224],
  );
  assert.equal([mapInfo.offsetOf("btfId"), mapInfo.offsetOf("mapExtra")], [64, 80]);
  assert.is(linkInfo.offsetOf("first"), 16);
});

const word = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0);

function makeMap(kernel: LinuxKernel): ReturnType<LinuxKernel["mapCreate"]> {
  const shape = { keySize: 4, valueSize: 8, maxEntries: 3, flags: 0, name: "walked" };
  return kernel.mapCreate({ type: MapType.Array, ...shape });
}

function bpftool(...words: readonly string[]): Record<string, unknown> {
  const { stdout, stderr } = spawnSync("bpftool", ["--json", ...words], { encoding: "utf8" });
  const parsed: unknown = JSON.parse(stdout);
  if (typeof parsed !== "object" || parsed === null) throw new Error(stderr);
  return parsed as Record<string, unknown>;
}

kernelTest("programs and maps are found by walking, and described as bpftool does", (kernel) => {
  const map = makeMap(kernel);
  const text = `r1 = map[fd:${map}]\n r0 = 7\n exit`;
  const program = kernel.programLoad({
    type: ProgramType.SocketFilter,
    expectedAttachType: 0,
    name: "walked_prog",
    instructions: encodeInstructions(assemble(text)),
    license: "GPL",
    logLevel: 0,
  });
  const info = kernel.objects.programInfo(program);
  const ids: number[] = [];
  for (
    let id = kernel.objects.nextId("program", 0);
    id !== undefined;
    id = kernel.objects.nextId("program", id)
  )
    ids.push(id);
  assert.ok(ids.includes(info.id));
  const again = kernel.objects.openById("program", info.id);
  assert.equal(kernel.objects.programInfo(again).tag, info.tag);
  assert.is(kernel.objects.kindOf(again), "program");
  assert.is(kernel.objects.kindOf(map), "map");
  assert.equal(info.mapIds, [kernel.mapInfo(map).id]);
  const seen = bpftool("prog", "show", "id", String(info.id));
  assert.is(seen["tag"], info.tag);
  assert.is(seen["name"], "walked_prog");
  assert.is(seen["bytes_xlated"], info.translatedSizeBytes);
  assert.is(seen["gpl_compatible"], info.gplCompatible);
  assert.is(seen["bytes_jited"] ?? 0, info.jitedSizeBytes);
  const code = kernel.objects.programCode(program);
  assert.is(code.translated.length, info.translatedSizeBytes);
  assert.is(code.jited.length, info.jitedSizeBytes);
  assert.is(
    code.functionSizes.reduce((sum, size) => sum + size, 0),
    info.jitedSizeBytes,
  );
  assert.throws(() => kernel.objects.openById("program", 0x7fff_fff0), isErrno(Errno.ENOENT));
});

kernelTest("the kernel's types are an object of its own", (kernel) => {
  const id = kernel.objects.nextId("btf", 0);
  assert.ok(id !== undefined);
  const types = kernel.objects.openById("btf", id);
  const info = kernel.objects.btfInfo(types);
  assert.equal([info.id, info.name, info.ofKernel], [id, "vmlinux", true]);
  const table = BtfTable.decode(kernel.objects.btfData(types));
  assert.ok(table.find("task_struct", "struct") !== undefined);
});

kernelTest("pins keep maps, are opened by path and go when they are removed", async (kernel) => {
  await withPins((folder) => {
    const map = makeMap(kernel);
    kernel.mapUpdate(map, word(2), Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0), 0);
    const path = `${folder}/below/kept`;
    kernel.objects.pin(map, path);
    assert.throws(() => kernel.objects.pin(map, path), isErrno(Errno.EEXIST));
    kernel.close(map);
    const again = kernel.objects.openPinned(path);
    assert.is(kernel.objects.kindOf(again), "map");
    assert.is(kernel.mapLookup(again, word(2))?.[0], 9);
    kernel.objects.unpin(path);
    assert.not.ok(existsSync(path));
    assert.throws(() => kernel.objects.openPinned(path), isErrno(Errno.ENOENT));
    assert.throws(() => kernel.objects.unpin(path), isErrno(Errno.ENOENT));
    assert.throws(() => kernel.objects.pin(again, "/tmp/no-bpf-file-system"), isErrno(Errno.EPERM));
  });
});

function isErrno(errno: number): (error: unknown) => boolean {
  return (error) => error instanceof SyscallError && error.errno === errno;
}

test.run();
