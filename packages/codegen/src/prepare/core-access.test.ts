/** CO-RE lowering against native clang: the same C gives the same relocations. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import { DebugNodes, parseIr } from "../ir/index.ts";
import { lowerCoreAccess } from "./core-access.ts";

const source = join(import.meta.dirname, "../../testdata/core-access.c");
const common = ["-target", "bpf", "-O2", "-g", "-w", "-emit-llvm", "-S", "-o", "-"];

/** Relocation globals with the name of the type each starts from. */
function relocations(irText: string): string[] {
  const module = parseIr(irText, "test.ll");
  const nodes = new DebugNodes(module.metadata);
  const found: string[] = [];
  for (const global of module.globals) {
    const attachment = global.attachments.find((each) => each.name === "llvm.preserve.access.index");
    if (attachment === undefined) continue;
    const type = nodes.get(attachment.id);
    const attribute = [...global.attributes.keys()].join(" ");
    const name = type === undefined ? "" : `${type.tag} ${nodes.text(type, "name")}`;
    found.push(`${global.name} ${attribute} ${name}`);
  }
  return found.sort();
}

/** Unoptimised IR of C text, with the intrinsics still in it. */
function compile(clang: string, file: string): string {
  const unoptimised = [...common, "-Xclang", "-disable-llvm-passes", file];
  return execFileSync(clang, unoptimised, { encoding: "utf8", maxBuffer: 1 << 26 });
}

function withFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-core-"));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("relocations are native clang's", () => {
  const clang = requireTool("clang-19");
  if (clang === undefined) return;
  withFolder((folder) => {
    const lowered = lowerCoreAccess(compile(clang, source));
    assert.not.match(lowered, /call [^\n]*@llvm\.(preserve|bpf\.preserve|bpf\.btf)/);
    const file = join(folder, "lowered.ll");
    writeFileSync(file, lowered);
    const optimised = execFileSync(clang, [...common, "-x", "ir", file], { encoding: "utf8" });
    const native = execFileSync(clang, [...common, source], { encoding: "utf8" });
    const expected = relocations(native);
    assert.ok(expected.length > 60, `only ${expected.length} relocations`);
    assert.equal(relocations(optimised), expected);
  });
});

test("text without intrinsics is returned as it is", () => {
  const text = "define void @f() {\n  ret void\n}\n";
  assert.is(lowerCoreAccess(text), text);
});

test("a field that has no sign is refused with the line of C", () => {
  const clang = requireTool("clang-19");
  if (clang === undefined) return;
  withFolder((folder) => {
    const file = join(folder, "sign.c");
    writeFileSync(
      file,
      "struct s { void *p; } __attribute__((preserve_access_index));\nint f(struct s *s) {\n  return __builtin_preserve_field_info(s->p, 3);\n}\n",
    );
    try {
      lowerCoreAccess(compile(clang, file));
      assert.unreachable("not refused");
    } catch (error) {
      assert.instance(error, BpfkitError);
      const { code, diagnostics } = error as BpfkitError;
      assert.is(code, "CG010");
      assert.is(diagnostics[0]?.range?.line, 3);
    }
  });
});

test("malformed text gives a diagnostic, never a crash", () => {
  const clang = requireTool("clang-19");
  if (clang === undefined) return;
  const text = compile(clang, source);
  for (let cut = 0; cut < text.length; cut += 997) {
    for (const broken of [text.slice(0, cut), text.slice(0, cut) + text.slice(cut + 13)]) {
      try {
        lowerCoreAccess(broken);
      } catch (error) {
        assert.instance(error, BpfkitError);
      }
    }
  }
});

test.run();
