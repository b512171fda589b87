/** Tests of functions by name: against llvm-readelf on this machine's C library, and on damaged files. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import type { Kernel, ReadableFile } from "@bpfkit/base/kernel";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../../../test/support/native-tools.ts";
import { resolveBinary } from "../link/binary-path.ts";
import { openFile } from "../linux/files.ts";
import { readUsdtNotes } from "../usdt/notes.ts";
import { ElfImage } from "./elf-image.ts";
import { findFunction, findFunctions } from "./function-offsets.ts";

/** As much of a kernel as looking files up needs. */
const files = { openFile, programFolders: ["/usr/bin", "/bin"] } as unknown as Kernel;

function withImage<Result>(path: string, run: (image: ElfImage) => Result): Result {
  const file = openFile(path);
  assert.ok(file, path);
  try {
    const image = ElfImage.read(file);
    assert.ok(image, path);
    return run(image);
  } finally {
    file.close();
  }
}

test("functions of the C library are where readelf says, by every way of naming it", () => {
  const readelf = requireTool("llvm-readelf-19");
  if (readelf === undefined || process.platform !== "linux") return;
  const path = resolveBinary(files, "libc.so.6");
  assert.is(statSync(resolveBinary(files, "c")).ino, statSync(path).ino);
  assert.is(resolveBinary(files, path), path);
  assert.ok(existsSync(resolveBinary(files, "sh")));
  assert.throws(() => resolveBinary(files, "no-such-program-anywhere"), /LD082|no program or library/);
  const json = execFileSync(readelf, ["--dyn-syms", "--sections", "--elf-output-style=JSON", path], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const [whole] = JSON.parse(json) as {
    Sections: { Section: { Index: number; Address: number; Offset: number } }[];
    DynamicSymbols: {
      Symbol: {
        Name: { Name: string };
        Value: number;
        Type: { Name: string };
        Section: { Value: number };
      };
    }[];
  }[];
  assert.ok(whole);
  const sections = new Map(whole.Sections.map(({ Section }) => [Section.Index, Section]));
  const expected = new Map<string, number>();
  for (const { Symbol: symbol } of whole.DynamicSymbols) {
    const section = sections.get(symbol.Section.Value);
    if (symbol.Type.Name !== "Function" || symbol.Section.Value === 0 || section === undefined) continue;
    const [name = ""] = symbol.Name.Name.split("@");
    expected.set(name, symbol.Value - section.Address + section.Offset);
  }
  withImage(path, (image) => {
    for (const name of ["getppid", "malloc", "readdir64", "sendmmsg"]) {
      assert.is(findFunction(image, name)?.offset, expected.get(name), name);
      assert.ok((expected.get(name) ?? 0) > 0, name);
    }
    assert.is(findFunction(image, "no_such_function_here"), undefined);
    const many = findFunctions(image, (name) => /^pthread_mutex_\w*lock$/.test(name));
    assert.ok(many.some(({ name }) => name === "pthread_mutex_lock") && many.length > 2);
  });
});

test("damaged programs have fewer functions and probes, and throw nothing", () => {
  const path = process.platform === "linux" ? "/bin/true" : process.execPath;
  const original = new Uint8Array(readFileSync(path));
  let seed = 99;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 4) % below;
  };
  for (let round = 0; round < 1500; round++) {
    const bytes = original.slice(0, random(6) === 0 ? random(original.length) : original.length);
    const view = new DataView(bytes.buffer);
    for (let hit = 0; hit < 1 + random(12) && bytes.length > 0; hit++) {
      // Headers matter most: they are at both ends.
      const near =
        random(2) === 0
          ? random(Math.min(2048, bytes.length))
          : bytes.length - 1 - random(Math.min(4096, bytes.length));
      if (random(2) === 0) bytes[near] = random(256);
      else if (near + 4 <= bytes.length)
        view.setUint32(near & ~3, [0, 0xffff_ffff, 0x7fff_ffff, 1][random(4)] ?? 0, true);
    }
    const file: ReadableFile = {
      identity: "",
      inode: 0,
      sizeBytes: bytes.length,
      read: (offset, length) =>
        bytes.slice(Math.min(offset, bytes.length), Math.min(offset + Math.max(0, length), bytes.length)),
      close() {},
    };
    const image = ElfImage.read(file);
    if (image === undefined) continue;
    findFunctions(image, () => true);
    readUsdtNotes(image);
  }
});

test.run();
