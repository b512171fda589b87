/** Tests of addresses to names, against nm on real programs and against this machine's own process. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findTool, requireTool } from "../../../../test/support/native-tools.ts";
import { demangler } from "../linux/demangle.ts";
import { openFile } from "../linux/files.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { ElfImage } from "./elf-image.ts";
import { ElfSymbols } from "./elf-symbols.ts";
import { ImageCache } from "./image-cache.ts";
import { KernelSymbols } from "./kernel-symbols.ts";
import { PerfMap } from "./perf-map.ts";
import { mappingAt, parseProcessMaps } from "./process-maps.ts";
import { SymbolIndex } from "./symbol-index.ts";

test("the innermost symbol that holds an address is found", () => {
  // outer 100..200 with inner 120..130 in it, size unknown at 300, duplicates at 400.
  const starts = Float64Array.of(300, 100, 120, 400, 400);
  const sizes = Float64Array.of(0, 100, 10, 16, 16);
  const index = new SymbolIndex({ starts, sizes, ranks: Uint8Array.of(0, 0, 0, 3, 1) });
  const found = [99, 100, 119, 120, 129, 130, 199, 200, 300, 399, 400, 415, 416].map((at) => index.find(at));
  assert.equal(found, [-1, 1, 1, 2, 2, 1, 1, -1, 0, 0, 3, 3, -1]);
  assert.is(index.length, 4);
});

test("an index over any numbers finds what a search through all does", () => {
  let seed = 99;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 4) % below;
  };
  for (const spread of [50, 2 ** 47]) {
    const count = 200;
    const scale = (value: number) => (spread === 50 ? value : value * 2 ** 30);
    const starts = Float64Array.from({ length: count }, () => scale(random(400)));
    const sizes = Float64Array.from({ length: count }, () => scale(1 + random(30)));
    const index = new SymbolIndex({ starts, sizes, ranks: new Uint8Array(count) });
    for (let address = 0; address < 440; address++) {
      const at = scale(address);
      let expected = -1;
      // The latest start wins, and of equal starts the last entry, whose own end then counts.
      const last = new Map<number, number>();
      starts.forEach((start, entry) => void last.set(start, entry));
      for (const [start, entry] of last) {
        const inside = start <= at && at < start + (sizes[entry] ?? 0);
        if (inside && (expected === -1 || start > (starts[expected] ?? 0))) expected = entry;
      }
      assert.is(index.find(at), expected, `address ${address}`);
    }
  }
});

const kallsyms = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000100 t finish_task_switch.isra.0
ffffffff81000200 W weak_alias
ffffffff81000200 T real_name
ffffffff81000200 t local_alias
ffffffff81000300 D some_data
ffffffff81000400 T last_function
ffffffffc0201000 t mod_init\t[null_blk]
ffffffffc0300000 t bpf_prog_6deef7357e7b4530_hello\t[bpf]
`;

function kernelWith(text: string): KernelSymbols {
  const kernel = new RecordingKernel();
  kernel.files.set("/proc/kallsyms", text);
  return new KernelSymbols(kernel);
}

test("kernel addresses have names, offsets and modules", () => {
  const symbols = kernelWith(kallsyms);
  const name = (address: bigint) => symbols.name(address, { showOffset: true, showModule: true });
  assert.equal(
    [0xffffffff81000150n, 0xffffffff81000200n, 0xffffffff81000333n, 0xffffffffc0201004n].map(name),
    [
      "finish_task_switch.isra.0+0x50 [kernel]",
      "real_name+0x0 [kernel]",
      "real_name+0x133 [kernel]",
      "mod_init+0x4 [null_blk]",
    ],
  );
  assert.is(symbols.name(0xffffffffc0300010n), "bpf_prog_6deef7357e7b4530_hello");
  assert.is(symbols.name(0x7f0000000000n), "[unknown]");
  assert.is(symbols.address("last_function"), 0xffffffff81000400n);
  assert.is(symbols.address("some_data"), undefined);
  assert.is(symbols.hidden, false);
});

test("a kernel that hides its addresses is noticed", () => {
  const symbols = kernelWith("0000000000000000 T _stext\n0000000000000000 t do_exit\n");
  assert.is(symbols.hidden, true);
  assert.is(symbols.name(0xffffffff81000000n), "[unknown]");
});

test("mappings: only executable ones, deleted files, anonymous memory", () => {
  const mappings = parseProcessMaps(
    [
      "55d01b4f2000-55d01b4f3000 r-xp 00001000 fd:01 1234                       /usr/bin/my prog",
      "55d01b4f3000-55d01b4f4000 r--p 00002000 fd:01 1234                       /usr/bin/my prog",
      "7f0000000000-7f0000010000 rwxp 00000000 00:00 0 ",
      "7f1000000000-7f1000010000 r-xp 00000000 fd:01 99                         /tmp/a\\012b.so (deleted)",
      "7ffd3a5c1000-7ffd3a5c3000 r-xp 00000000 00:00 0                          [vdso]",
    ].join("\n"),
  );
  assert.equal(
    mappings.map(({ name, offset, inode, deleted }) => [name, offset, inode, deleted]),
    [
      ["/usr/bin/my prog", 0x1000, 1234, false],
      ["", 0, 0, false],
      ["/tmp/a\nb.so", 0, 99, true],
      ["[vdso]", 0, 0, false],
    ],
  );
  assert.is(mappingAt(mappings, 0x55d01b4f2fffn)?.name, "/usr/bin/my prog");
  assert.is(mappingAt(mappings, 0x55d01b4f3000n), undefined);
});

test("of compiled code that moved, what was written last counts", () => {
  const map = new PerfMap("1000 20 LazyCompile:~a\n1020 10 b c\n1000 20 LazyCompile:*a /x.js:1\nrubbish\n");
  assert.equal(map.find(0x1004n), { name: "LazyCompile:*a /x.js:1", offset: 4 });
  assert.equal(map.find(0x1020n), { name: "b c", offset: 0 });
  assert.is(map.find(0x1030n), undefined);
});

/** Functions as nm has them: start, size, names of all that cover it. */
function nmFunctions(nm: string, path: string, dynamic: boolean) {
  const words = [...(dynamic ? ["-D"] : []), "-S", "--defined-only", "--no-sort", path];
  const text = execFileSync(nm, words, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const functions: { start: number; size: number; name: string }[] = [];
  for (const [, start = "", size = "", name = ""] of text.matchAll(
    /^([0-9a-f]{16}) ([0-9a-f]{16}) [TtWwi] (\S+)$/gm,
  )) {
    functions.push({ start: Number.parseInt(start, 16), size: Number.parseInt(size, 16), name });
  }
  return functions;
}

function checkAgainstNm(nm: string, path: string, dynamic: boolean): number {
  const file = openFile(path);
  const image = file === undefined ? undefined : ElfImage.read(file);
  assert.ok(image !== undefined, path);
  const symbols = ElfSymbols.read(image);
  assert.ok(symbols !== undefined, path);
  const functions = nmFunctions(nm, path, dynamic);
  const names = new Map<number, Set<string>>();
  for (const { start, name } of functions) {
    const known = names.get(start) ?? new Set();
    names.set(start, known.add(name.replace(/@.*/, "")));
  }
  let checked = 0;
  // Big programs have a hundred thousand: every so many are enough to see a wrong rule.
  const step = Math.max(1, Math.floor(functions.length / 4000));
  for (let i = 0; i < functions.length; i += step) {
    const { start, size } = functions[i] ?? { start: 0, size: 0 };
    if (size === 0) continue;
    const at = symbols.find(start);
    assert.ok(
      at !== undefined && names.get(start)?.has(at.name),
      `${path} 0x${start.toString(16)}: ${at?.name}`,
    );
    assert.is(at.offset, 0);
    const last = symbols.find(start + size - 1);
    assert.ok(last !== undefined, `${path} 0x${start.toString(16)}`);
    const lastStart = start + size - 1 - last.offset;
    assert.ok(names.get(lastStart)?.has(last.name) && lastStart >= start, `${path}: ${last.name} at the end`);
    checked += 1;
  }
  file?.close();
  return checked;
}

const nm = requireTool("nm");
if (nm !== undefined) {
  test("every function of programs and libraries is found as nm names it", () => {
    const node = realpathSync(process.execPath);
    assert.ok(checkAgainstNm(nm, node, false) > 3000);
    const maps = parseProcessMaps(new TextDecoder().decode(openFileBytes("/proc/self/maps")));
    const libraries = [...new Set(maps.map(({ name }) => name))].filter((name) => name.includes(".so"));
    assert.ok(libraries.length > 2);
    const checked = libraries
      .filter((name) => name.startsWith("/"))
      .map((library) => checkAgainstNm(nm, library, true));
    assert.ok(checked.reduce((sum, count) => sum + count) > 2000, checked.join(" "));
  });
}

function openFileBytes(path: string): Uint8Array {
  const file = openFile(path);
  const bytes = file?.read(0, 1 << 20) ?? new Uint8Array(0);
  file?.close();
  return bytes;
}

const compiler = requireTool("clang-19");
const objcopy = findTool("objcopy");
if (compiler !== undefined && objcopy !== undefined && nm !== undefined) {
  test("a stripped program's functions come from its debug file, by build id or link", () => {
    const folder = mkdtempSync(join(tmpdir(), "bpfkit-symbols-"));
    try {
      const source = join(folder, "a.c");
      writeFileSync(
        source,
        "static __attribute__((noinline)) int inner(int a) { return a * 3; }\nint main(int c, char **v) { return inner(c); }\n",
      );
      const program = join(folder, "a");
      execFileSync(compiler, ["-g", "-O1", "-Wl,--build-id", source, "-o", program]);
      execFileSync(objcopy, ["--only-keep-debug", program, `${program}.debug`]);
      execFileSync(objcopy, ["--strip-all", `--add-gnu-debuglink=${program}.debug`, program]);
      const file = openFile(program);
      const image = file === undefined ? undefined : ElfImage.read(file);
      assert.ok(image !== undefined);
      assert.match(image.buildId ?? "", /^[0-9a-f]{40}$/);
      assert.is(image.debugLink, "a.debug");
      assert.is(ElfSymbols.isComplete(image), false);
      assert.ok(checkAgainstNm(nm, `${program}.debug`, false) >= 2);
      file?.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

if (compiler !== undefined && objcopy !== undefined && nm !== undefined) {
  const text = (factor: number) =>
    `static __attribute__((noinline)) int inner(int a) { return a * ${factor}; }\nint main(int c, char **v) { return inner(c); }\n`;

  /** Builds, strips, and gives the place of `inner` in the file: text is mapped where it lies. */
  const built = (folder: string, name: string, factor: number): { program: string; at: number } => {
    const program = join(folder, name);
    writeFileSync(`${program}.c`, text(factor));
    execFileSync(compiler, ["-g", "-O1", "-Wl,--build-id", `${program}.c`, "-o", program]);
    const at = nmFunctions(nm, program, false).find((each) => each.name === "inner")?.start ?? 0;
    execFileSync(objcopy, ["--only-keep-debug", program, `${program}.debug`]);
    execFileSync(objcopy, ["--strip-all", `--add-gnu-debuglink=${program}.debug`, program]);
    return { program, at };
  };

  /** The name of the function at an address of a program, with the debug files where `place` puts them. */
  const nameAt = (program: string, at: number, openFileAs: (path: string) => string): string | undefined => {
    const cache = new ImageCache({ openFile: (path: string) => openFile(openFileAs(path)) } as never);
    try {
      const file = openFile(program);
      assert.ok(file !== undefined);
      const found = cache.imageOf(file, program, "");
      const segment = found?.image.segments.find(
        ({ address, fileSize }) => at >= address && at < address + fileSize,
      );
      assert.ok(found !== undefined && segment !== undefined);
      return found.findAtOffset(at - segment.address + segment.offset)?.name;
    } finally {
      cache.close();
    }
  };

  test("debug files are found by build id, beside the program and in .debug, and only those of the same build", () => {
    const folder = mkdtempSync(join(tmpdir(), "bpfkit-symbols-"));
    try {
      const { program, at } = built(folder, "a", 3);
      const other = built(folder, "b", 5);
      const debug = `${program}.debug`;
      assert.is(
        nameAt(program, at, (path) => path),
        "inner",
      );
      const nowhere = join(folder, "none");
      const only = (pattern: RegExp, file: string) => (path: string) => (pattern.test(path) ? file : nowhere);
      for (const pattern of [
        /^\/usr\/lib\/debug\/\.build-id\/..\/[0-9a-f]{38}\.debug$/,
        /\/\.debug\/a\.debug$/,
      ]) {
        assert.is(nameAt(program, at, only(pattern, debug)), "inner");
        assert.is.not(nameAt(program, at, only(pattern, `${other.program}.debug`)), "inner");
      }
      assert.is.not(
        nameAt(program, at, () => nowhere),
        "inner",
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test("names of C++ and Rust in source form", () => {
  const demangle = demangler();
  assert.is(demangle("_ZN4node14EnvironmentRunE"), demangle("_ZN4node14EnvironmentRunE"));
  assert.is(
    demangle("_ZN2v88internal7Isolate4InitEPNS0_12SnapshotDataE"),
    "v8::internal::Isolate::Init(v8::internal::SnapshotData*)",
  );
  assert.is(demangle("_RNvC6_123foo3bar"), "123foo::bar");
  assert.is(demangle("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"), "core::fmt::Write::write_fmt");
  assert.is(demangle("main"), "main");
  assert.is(demangle("_Z"), "_Z");
});

test("damaged files give no symbols and no failure", () => {
  const bytes = openFileBytes(realpathSync("/bin/true"));
  if (bytes.length === 0) return;
  let seed = 5;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 400; round++) {
    const damaged = bytes.slice(0, round % 3 === 0 ? random(bytes.length) : bytes.length);
    for (let hit = 0; hit < 4; hit++) damaged[random(Math.min(damaged.length, 4096)) + 4] = random(256);
    for (let hit = 0; hit < 2; hit++) damaged[Math.max(16, damaged.length - random(2000))] = random(256);
    const read = (offset: number, length: number) =>
      damaged.slice(offset, offset + Math.min(length, damaged.length));
    const image = ElfImage.read({ identity: "", inode: 0, sizeBytes: damaged.length, read, close() {} });
    if (image === undefined) continue;
    const symbols = ElfSymbols.read(image);
    for (let at = 0; at < 20; at++) symbols?.find(image.addressOfOffset(random(1 << 16)) ?? 0);
    assert.ok((image.buildId?.length ?? 0) < 10_000);
  }
});

test.run();
