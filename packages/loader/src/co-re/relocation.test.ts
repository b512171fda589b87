/** CO-RE against libbpf: the same object, the same target types, every relocation's outcome compared. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BtfTable } from "@bpfkit/elf/btf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../../test/support/compile-native.ts";
import { canLoadBpf, requireTool } from "../../../../test/support/native-tools.ts";
import { linkProgram } from "../relocate/link-program.ts";
import { CollectionSpec } from "../spec/collection-spec.ts";
import { essentialName } from "./compatibility.ts";
import { poisonHelper } from "./patch.ts";
import { CoreRelocator } from "./relocation.ts";

const hostBtf = "/sys/kernel/btf/vmlinux";

/** What libbpf's log says of each relocation: `offsets #4: 1280` or `poisoned #3: poison`. */
function libbpfOutcomes(object: Uint8Array, bpftool: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-core-"));
  const pins = "/sys/fs/bpf/bpfkit-core-test";
  try {
    const file = join(folder, "core.o");
    writeFileSync(file, object);
    const { stdout, stderr } = spawnSync(bpftool, ["-d", "prog", "loadall", file, pins], {
      encoding: "utf8",
    });
    const outcomes: string[] = [];
    for (const line of (stdout + stderr).split("\n")) {
      const patched =
        /prog '(\w+)': relo #\d+: patched insn #(\d+) \(.*\) (?:imm|imm64|off) \S+ -> (\d+)$/.exec(line);
      if (patched !== null) outcomes.push(`${patched[1]} #${patched[2]}: ${patched[3]}`);
      const poison = /prog '(\w+)': relo #\d+: substituting insn #(\d+)/.exec(line);
      if (poison !== null) outcomes.push(`${poison[1]} #${poison[2]}: poison`);
    }
    return outcomes;
  } finally {
    rmSync(folder, { recursive: true });
    rmSync(pins, { recursive: true, force: true });
  }
}

for (const cpu of ["v2", "v3"]) {
  const object = compileNative(new URL("../testdata/co-re.bpf.c", import.meta.url), cpu);
  const bpftool = requireTool("bpftool");
  const usable = object !== undefined && bpftool !== undefined && existsSync(hostBtf) && canLoadBpf();
  if (!usable) {
    process.stderr.write("SKIPPED: CO-RE against libbpf needs bpftool, root and a kernel with BTF\n");
    continue;
  }
  test(`every relocation has the outcome that libbpf gives it (${cpu})`, () => {
    const spec = CollectionSpec.fromObject(object, "core.o");
    const target = BtfTable.decode(new Uint8Array(readFileSync(hostBtf)), { name: hostBtf });
    if (spec.btf === undefined) throw new Error("no BTF");
    const relocator = new CoreRelocator(spec.btf, target);
    const ours: string[] = [];
    for (const program of spec.programs.values()) {
      for (const { functionName, slot, value, result } of relocator.relocate(linkProgram(program))) {
        ours.push(`${functionName} #${slot}: ${result === "poisoned" ? "poison" : value}`);
      }
    }
    const theirs = libbpfOutcomes(object, bpftool);
    assert.ok(theirs.length > 30, `libbpf reported ${theirs.length} relocations`);
    assert.equal(ours.sort(), theirs.sort());
  });

  test(`loads change their width, poisoned instructions call the helper that no kernel has (${cpu})`, () => {
    const spec = CollectionSpec.fromObject(object, "core.o");
    const target = BtfTable.decode(new Uint8Array(readFileSync(hostBtf)), { name: hostBtf });
    const program = spec.programs.get("loads");
    if (spec.btf === undefined || program === undefined) throw new Error("no program");
    const linked = linkProgram(program);
    const outcomes = new CoreRelocator(spec.btf, target).relocate(linked);
    const at = (slot: number | undefined) =>
      linked.instructions.find((part) => part.slot === slot)?.instruction;
    const narrowed = outcomes.find((outcome) => outcome.access.startsWith("struct qstr"));
    assert.is((at(narrowed?.slot)?.opcode ?? 0) & 0x18, 0, "a load of four bytes");
    const poisoned = outcomes.find((outcome) => outcome.result === "poisoned");
    assert.is(at(poisoned?.slot)?.imm, poisonHelper);
    assert.match(poisoned?.reason ?? "", /4 bytes in the target kernel and 8/);
    assert.match(poisoned?.line?.text ?? "", /shape->exit_code/);
  });
}

test("a flavour is what follows three underscores between other characters", () => {
  assert.is(essentialName("task_struct___v2"), "task_struct");
  assert.is(essentialName("a___b___c"), "a___b");
  assert.is(essentialName("plain"), "plain");
  assert.is(essentialName("___x"), "___x");
  assert.is(essentialName("end___"), "end___");
  assert.is(essentialName("four____under"), "four____under");
});

test.run();
