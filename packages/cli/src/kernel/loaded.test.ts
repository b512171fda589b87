/**
 * Tests of prog, map and btf against bpftool, on objects that are loaded into this machine's kernel and attached to
 * nothing.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MapType } from "@bpfkit/base/abi";
import { BpfkitError, UsageError } from "@bpfkit/base/diagnostics";
import { BPF, jsonText } from "bpfkit";
import { Builder, openLinuxKernel } from "bpfkit/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, requireTool } from "../../../../test/support/native-tools.ts";
import { findTypes } from "./btf.ts";
import { findLinks } from "./link.ts";
import { findMaps } from "./map.ts";
import type { Findings } from "./open.ts";
import { findPrograms } from "./prog.ts";

const test = suite("what is loaded");
const bpftool = requireTool("bpftool") ?? "";
const file = join(import.meta.dirname, "testdata/loaded.bpf.c");
const mayLoad = bpftool !== "" && canLoadBpf();
if (!mayLoad) {
  const message = "comparing with bpftool needs root and a kernel that loads programs";
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message}\n`);
}

type Loaded = Awaited<ReturnType<typeof load>>;
let loading: Promise<Loaded> | undefined;

async function load() {
  const builder = new Builder();
  const { object } = await builder.build({ file, text: readFileSync(file, "utf8") });
  await builder.close();
  const kernel = await openLinuxKernel();
  const bpf = await BPF.open({ object, name: "loaded.bpf.c", kernel, autoAttach: false });
  fill(bpf);
  const plain = kernel.mapCreate({
    type: MapType.Hash,
    keySize: 8,
    valueSize: 20,
    maxEntries: 4,
    flags: 0,
    name: "no_types",
  });
  kernel.mapUpdate(plain, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), new Uint8Array(20).fill(9), 0);
  const short = kernel.mapCreate({
    type: MapType.Array,
    keySize: 4,
    valueSize: 4,
    maxEntries: 2,
    flags: 0,
    name: "short",
  });
  const cpus = kernel.mapCreate({
    type: MapType.PercpuArray,
    keySize: 4,
    valueSize: 12,
    maxEntries: 1,
    flags: 0,
    name: "cpus",
  });
  const maps = new Map([...bpf.collection.maps].map(([name, { fd }]) => [name, kernel.mapInfo(fd).id]));
  for (const [name, fd] of [
    ["no_types", plain],
    ["short", short],
    ["cpus", cpus],
  ] as const) {
    maps.set(name, kernel.mapInfo(fd).id);
  }
  const programs = new Map(
    [...bpf.collection.programs].map(([name, { fd }]) => [name, kernel.objects.programInfo(fd).id]),
  );
  return { bpf, kernel, maps, programs };
}

function fill(bpf: BPF): void {
  const value = {
    count: 2n ** 60n + 1n,
    small: 3,
    rest: 17,
    wide: -5n,
    list: [1, 2, -3],
    colour: 5,
    first: 9,
    points: [
      { x: 1, y: -2 },
      { x: 0, y: 4 },
    ],
    yes: true,
    pointer: 4096n,
    tiny: -7,
    middle: 65535,
    bytes: [1, 2, 3, 250],
  };
  const table = bpf.table("table");
  const put = (pid: number, comm: string, changes: object) => {
    const key = table.map.keyCodec.encode({ pid, comm });
    table.map.updateBytes(key, table.map.valueCodec.encode({ ...value, ...changes }));
  };
  put(7, "bash", {});
  put(8, 'c"at', { colour: -3, yes: false, pointer: 0n });
  put(9, "\x01\x02", { colour: 77 });
  bpf.table("names").set(-5, "abc");
  bpf.table("counts").map.updatePerCpu(
    1,
    bpf.kernel.possibleCpus.map((cpu) => BigInt(cpu * 1000)),
  );
  bpf.table("by_cpu").map.update(99n, { x: 3, y: 4 });
  bpf.table("jumps").setProgram(1, "on_packet");
}

/** A test that gets what is loaded; nothing is loaded before. */
function compare(name: string, run: (loaded: Loaded) => void | Promise<void>): void {
  if (!mayLoad) return;
  test(name, async () => {
    loading ??= load();
    await run(await loading);
  });
}

test.after(async () => {
  const loaded = await loading;
  loaded?.bpf.close();
  loaded?.kernel.shutdown();
});

const tool = (words: readonly (string | number)[]): string =>
  execFileSync(bpftool, words.map(String), {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
  });

const text = (findings: Findings | undefined): string => `${findings?.lines().join("\n") ?? ""}\n`;
const json = (findings: Findings | undefined): unknown => JSON.parse(jsonText(findings?.json ?? null));

/** Every field that bpftool gives is there, with the same value; further fields are ours. */
function hasAllOf(ours: unknown, theirs: unknown, path = ""): void {
  if (Array.isArray(theirs)) {
    assert.ok(Array.isArray(ours), path);
    assert.is(ours.length, theirs.length, path);
    theirs.forEach((each, index) => void hasAllOf(ours[index], each, `${path}[${index}]`));
  } else if (typeof theirs === "object" && theirs !== null) {
    for (const [name, value] of Object.entries(theirs)) {
      const mine = (ours as Record<string, unknown>)?.[name];
      // Which processes hold an object is found by a program that bpftool would have to load.
      if (name === "pids") continue;
      if (name === "loaded_at") assert.ok(Math.abs(Number(mine) - Number(value)) <= 1, path);
      else hasAllOf(mine, value, `${path}.${name}`);
    }
  } else assert.equal(ours, theirs, path);
}

/** bpftool 7.1 does not know the address of per-CPU data (Linux 6.10) and leaves it out. */
const asOld = (shown: string): string => shown.replace(/= &\(void __percpu \*\)\((r\d)\)/g, "= $1");

const withoutTime = (shown: string): string => shown.replace(/loaded_at \S+/g, "loaded_at T");

compare("prog show", ({ kernel, programs }) => {
  for (const [name, id] of programs) {
    for (const words of [
      ["show", "id", String(id)],
      ["show", "name", name],
    ]) {
      const found = findPrograms(kernel, words, {});
      assert.is(withoutTime(text(found)), withoutTime(tool(["prog", ...words])), name);
      hasAllOf(json(found), JSON.parse(tool(["-j", "prog", ...words])));
    }
  }
  const id = programs.get("filter") ?? 0;
  const [{ tag }] = [json(findPrograms(kernel, ["show", String(id)], {})) as { tag: string }];
  assert.match(
    text(findPrograms(kernel, ["show", "tag", tag], {})),
    new RegExp(`^${id}: socket_filter `, "m"),
  );
  const all = json(findPrograms(kernel, ["list"], {})) as { id: number; name: string }[];
  for (const [name, each] of programs) assert.is(all.find((one) => one.id === each)?.name, name);
});

compare("prog dump xlated: the kernel's notation, functions and lines of C", ({ kernel, programs }) => {
  for (const [name, id] of programs) {
    for (const options of [[], ["linum"], ["opcodes"]]) {
      const words = ["dump", "xlated", "id", String(id), ...options];
      const found = findPrograms(kernel, words, {});
      assert.is(asOld(text(found)), tool(["prog", ...words]), name);
      hasAllOf(
        JSON.parse(asOld(jsonText(found?.json ?? null))),
        JSON.parse(tool(["-j", "prog", ...words])),
        name,
      );
    }
  }
  const both = text(
    findPrograms(kernel, ["dump", "xlated", "name", "filter"], { linum: true, opcodes: true }),
  );
  assert.match(both, /^; .* \[file:.*loaded\.bpf\.c line_num:\d+ line_col:\d+\]$/m);
});

compare("prog dump to a file, and machine code", ({ kernel, programs }) => {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-dump-"));
  const id = String(programs.get("filter"));
  try {
    const [ours, theirs] = [join(folder, "ours"), join(folder, "theirs")];
    assert.is(findPrograms(kernel, ["dump", "xlated", "id", id, "file", ours], {}), undefined);
    tool(["prog", "dump", "xlated", "id", id, "file", theirs]);
    assert.equal(readFileSync(ours), readFileSync(theirs));
    // Debian's bpftool is built without a disassembler and then gives no machine code either.
    findPrograms(kernel, ["dump", "jited", "id", id, "file", ours], {});
    const { bytes_jited } = json(findPrograms(kernel, ["show", "id", id], {})) as { bytes_jited: number };
    assert.is(readFileSync(ours).length, bytes_jited);
    const shown = json(findPrograms(kernel, ["dump", "jited", "id", id], {})) as {
      name: string;
      bytes: string[];
    }[];
    assert.match(shown[0]?.name ?? "", /^bpf_prog_[0-9a-f]{16}_filter$/);
    assert.is(shown.flatMap(({ bytes }) => bytes).length, readFileSync(ours).length);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

compare("map show and dump: bytes, C types, per-CPU values, data sections", ({ kernel, maps }) => {
  const unreadable = new Set(["ring", "queue", "stacks", "events", "jumps"]);
  for (const [name, id] of maps) {
    const show = ["show", "id", String(id)];
    assert.is(text(findMaps(kernel, show)), tool(["map", ...show]), name);
    hasAllOf(json(findMaps(kernel, show)), JSON.parse(tool(["-j", "map", ...show])), name);
    if (unreadable.has(name)) continue;
    const dump = ["dump", "id", String(id)];
    assert.is(text(findMaps(kernel, dump)), tool(["map", ...dump]), name);
    assert.equal(json(findMaps(kernel, dump)), JSON.parse(tool(["-j", "map", ...dump])), name);
    const pretty = jsonText(findMaps(kernel, dump)?.json ?? null, { pretty: true });
    assert.is(`${pretty}\n`, tool(["-jp", "map", ...dump]), name);
  }
  const jumps = ["dump", "id", String(maps.get("jumps"))];
  assert.is(text(findMaps(kernel, jumps)), tool(["map", ...jumps]));
  assert.match(text(findMaps(kernel, ["dump", "id", String(maps.get("events"))])), /value:\nENOTSUPP/);
  assert.throws(() => findMaps(kernel, ["dump", "id", String(maps.get("queue"))]), /no keys/);
});

compare("map lookup", ({ kernel, maps }) => {
  const words = (name: string, key: string) => [
    "lookup",
    "id",
    String(maps.get(name)),
    "key",
    ...key.split(" "),
  ];
  const same: [string, string][] = [
    ["counts", "1 0 0 0"],
    ["no_types", "hex 01 02 03 04 05 06 07 08"],
    ["short", "0x1 0 0 0"],
    ["cpus", "0 0 0 0"],
    ["names", "hex fb ff ff ff"],
  ];
  for (const [name, key] of same) {
    const ours = findMaps(kernel, words(name, key));
    assert.is(text(ours), tool(["map", ...words(name, key)]), name);
    assert.equal(json(ours), JSON.parse(tool(["-j", "map", ...words(name, key)])), name);
  }
  const missing = findMaps(kernel, words("no_types", "1 1 1 1 1 1 1 1"));
  assert.is(
    text(missing),
    spawnSync(bpftool, ["map", ...words("no_types", "1 1 1 1 1 1 1 1")], { encoding: "utf8" }).stdout,
  );
  assert.is(json(missing), null);
  const typed = findMaps(kernel, [
    "lookup",
    "id",
    String(maps.get("table")),
    "key",
    '{"pid":7,"comm":"bash"}',
  ]);
  assert.match(text(typed), /"colour": "GREEN"/);
  assert.equal(
    json(findMaps(kernel, words("names", "-5"))),
    json(findMaps(kernel, words("names", "hex fb ff ff ff"))),
  );
});

compare("map update and delete say what was there, and refuse what would do harm", ({ kernel, maps }) => {
  const id = (name: string) => String(maps.get(name));
  const update = (name: string, ...rest: string[]) =>
    text(findMaps(kernel, ["update", "id", id(name), ...rest]));
  assert.is(update("names", "key", "6", "value", "xyz"), 'key 6: null -> "xyz"\n');
  assert.is(
    update("names", "key", "hex", "06", "0", "0", "0", "value", '"pqr"', "exist"),
    'key 6: "xyz" -> "pqr"\n',
  );
  assert.throws(() => update("names", "key", "6", "value", "no", "noexist"), /there already/);
  assert.is(text(findMaps(kernel, ["delete", "id", id("names"), "key", "6"])), 'key 6: "pqr" -> null\n');
  assert.throws(() => findMaps(kernel, ["delete", "id", id("names"), "key", "6"]), /no such key/);
  assert.is(
    update("short", "key", "0", "0", "0", "0", "value", "1", "2", "3", "4"),
    'key "00 00 00 00": "00 00 00 00" -> "01 02 03 04"\n',
  );
  assert.match(update("counts", "key", "2", "value", "5"), /key 2: \[0(,0)*\] -> \[5(,5)*\]/);
  assert.throws(
    () => update("jumps", "key", "0", "value", "1", "0", "0", "0"),
    /cannot be changed by hand: it is a prog_array/,
  );
  assert.throws(
    () => update(".rodata", "key", "0", "0", "0", "0", "value", ..."0".repeat(32).split("")),
    /bytes, not|frozen/,
  );
  assert.throws(
    () => update("names", "key", "1", "2", "value", "a"),
    (error: unknown) => error instanceof UsageError && /2 bytes, not 4/.test(error.message),
  );
  assert.throws(
    () => findMaps(kernel, ["delete", "id", id("short"), "key", "0", "0", "0", "0"]),
    /cannot be deleted/,
  );
});

compare("pins, and names that fit several objects", async ({ kernel, maps }) => {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-pin-"));
  execFileSync("mount", ["-t", "bpf", "bpf", folder]);
  try {
    const pin = join(folder, "table");
    findMaps(kernel, ["pin", "id", String(maps.get("table")), pin]);
    assert.is(text(findMaps(kernel, ["show", "pinned", pin])).split(":")[0], String(maps.get("table")));
    assert.throws(() => findPrograms(kernel, ["show", "pinned", pin], {}), /is a map, not a program/);
    assert.throws(() => findMaps(kernel, ["pin", "id", String(maps.get("names")), pin]), /cannot pin/);
    assert.throws(
      () => findMaps(kernel, ["pin", "id", String(maps.get("names")), "/tmp/not-bpf"]),
      (error: unknown) => error instanceof BpfkitError && /mount of type bpf/.test(error.hint ?? ""),
    );
    assert.throws(() => findMaps(kernel, ["show", "pinned", join(folder, "none")]), /no such file/);
  } finally {
    execFileSync("umount", [folder]);
    rmSync(folder, { recursive: true, force: true });
  }
  const twin = kernel.mapCreate({
    type: MapType.Array,
    keySize: 4,
    valueSize: 4,
    maxEntries: 2,
    flags: 0,
    name: "short",
  });
  const several = (error: unknown) => error instanceof BpfkitError && error.code === "KO004";
  assert.throws(() => findMaps(kernel, ["lookup", "name", "short", "key", "0", "0", "0", "0"]), several);
  assert.is((json(findMaps(kernel, ["show", "name", "short"])) as unknown[]).length, 2);
  kernel.close(twin);
});

compare("btf list and dump", ({ kernel, maps, bpf }) => {
  const info = kernel.mapInfo(bpf.table("table").map.fd);
  const id = String(info.btfId);
  const mine = (lines: string) => lines.split("\n").find((line) => line.startsWith(`${id}: `));
  const numbers = (line: string | undefined) => (line?.match(/\d+/g) ?? []).map(Number).sort();
  assert.equal(numbers(mine(text(findTypes(kernel, ["list"])))), numbers(mine(tool(["btf", "list"]))));
  assert.match(text(findTypes(kernel, ["show", "id", "1"])), /^1: name \[vmlinux\] {2}size \d+B/);
  assert.is(text(findTypes(kernel, ["dump", "id", id])), tool(["btf", "dump", "id", id]));
  assert.equal(
    json(findTypes(kernel, ["dump", "id", id])),
    JSON.parse(tool(["-j", "btf", "dump", "id", id])),
  );
  for (const part of ["key", "value", "kv"]) {
    const words = ["dump", "map", "id", String(maps.get("table")), part];
    assert.is(text(findTypes(kernel, words)), tool(["btf", ...words]), part);
  }
  assert.match(text(findTypes(kernel, ["dump", "id", id, "format", "c"])), /^struct value \{\n\tu64 count;/m);
});

compare("all types of the kernel, record by record", () => {
  const words = ["dump", "file", "/sys/kernel/btf/vmlinux"];
  const [ours, theirs] = [text(findTypes(undefined, words)).split("\n"), tool(["btf", ...words]).split("\n")];
  assert.is(ours.length, theirs.length);
  const different = ours.findIndex((line, index) => line !== theirs[index]);
  if (different !== -1) assert.is(ours[different], theirs[different]);
});

compare("links can be listed where nothing is attached", ({ kernel }) => {
  assert.ok(Array.isArray(json(findLinks(kernel, ["list"]))));
});

compare("what does not exist or makes no sense is said in one message", ({ kernel }) => {
  const says = (run: () => unknown, pattern: RegExp, code?: string) => {
    try {
      run();
    } catch (error) {
      assert.ok(error instanceof BpfkitError, String(error));
      assert.match(error.message, pattern);
      if (code !== undefined) assert.is(error.code, code);
      return;
    }
    assert.unreachable(String(pattern));
  };
  says(
    () => findPrograms(kernel, ["show", "id", "4294967295"], {}),
    /no program with id 4294967295/,
    "KO001",
  );
  says(() => findPrograms(kernel, ["show", "name", "no_such_name"], {}), /no program with name/, "KO001");
  says(() => findPrograms(kernel, ["show", "tag", "zz"], {}), /no tag/);
  says(() => findPrograms(kernel, ["dmup"], {}), /'dmup' is no command of prog/);
  says(() => findPrograms(kernel, ["dump", "xlated"], {}), /the program is missing/);
  says(() => findMaps(kernel, ["show", "id", "x"]), /no id/);
  says(() => findMaps(kernel, ["show", "id", "1", "more"]), /not expected/);
  says(() => findLinks(kernel, ["show", "id", "4294967295"]), /no link/, "KO001");
  says(() => findTypes(kernel, ["dump", "file", "/etc/passwd"]), /passwd/);
  says(() => findTypes(kernel, ["dump", "id", "1", "format", "x"]), /format/);
});

test.run();
