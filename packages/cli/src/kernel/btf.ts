/** `bpfkit btf`: types that are loaded on this machine, or in a file. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { BtfTable, printC } from "@bpfkit/elf/btf";
import { readObject } from "@bpfkit/elf/object";
import {
  btfUsers,
  describeLoadedBtf,
  eachObject,
  type LoadedBtf,
  LoadedTypes,
  selectedObject,
  selectedObjects,
  typeRecord,
  typeRecordJson,
  typeRecordText,
} from "bpfkit";
import { readBytes } from "../input.ts";
import { type Findings, oneOrAll } from "./open.ts";
import { mapWays, programWays, Words } from "./words.ts";

/** How the command is written. */
export const btfUsage = `btf list
btf show [id N]
btf dump SOURCE [format raw|c]
  SOURCE: id N | prog PROG | map MAP [key|value|kv|all] | file FILE`;

/** True for `btf dump file FILE`, which needs no kernel. */
export function readsOnlyFile(argv: readonly string[]): boolean {
  return argv[0] === "dump" && argv[1] === "file";
}

/** Runs the command; `kernel` is not needed where {@link readsOnlyFile}. @throws UsageError, BpfkitError KO0xx */
export function findTypes(kernel: Kernel | undefined, argv: readonly string[]): Findings {
  const words = new Words(argv, `bpfkit ${btfUsage.replaceAll("\n", "\nbpfkit ")}`);
  const verb = words.choice("command of btf", ["list", "show", "dump"], "list");
  if (verb === "dump") return dumpTypes(kernel, words);
  const selector = words.selector(["id"]);
  words.end();
  if (kernel === undefined) return { json: [], lines: () => [] };
  const users = btfUsers(kernel);
  const describe = (fd: Fd) => describeLoadedBtf(kernel, users, fd);
  const all =
    selector === undefined
      ? eachObject(kernel, "btf", describe)
      : selectedObjects(kernel, "btf", selector, describe);
  return { json: oneOrAll(undefined, all), lines: () => all.map(btfLine) };
}

function btfLine({ id, size, kernel, name, prog_ids, map_ids }: LoadedBtf): string {
  const shown = kernel ? `[${name ?? ""}]` : (name ?? "<anon>");
  const programs = prog_ids.length === 0 ? "" : `  prog_ids ${prog_ids.join(",")}`;
  const maps = map_ids.length === 0 ? "" : `  map_ids ${map_ids.join(",")}`;
  return `${id}: name ${shown}  size ${size}B${programs}${maps}`;
}

/** Types to show: `roots` only, or all of the table's own. */
interface Source {
  readonly table: BtfTable;
  readonly roots?: readonly number[];
}

function dumpTypes(kernel: Kernel | undefined, words: Words): Findings {
  const { table, roots } = sourceOf(kernel, words);
  const format = words.takeIf("format") ? words.choice("format", ["raw", "c"]) : "raw";
  words.end();
  const own = Array.from({ length: table.typeCount - table.firstId }, (_, index) => table.firstId + index);
  const ids = roots ?? own;
  const records = () => ids.filter((id) => id !== 0).map((id) => typeRecord(table, id));
  return {
    json: { types: records().map(typeRecordJson) },
    lines: () =>
      format === "c"
        ? [printC(table, ids, { preserveAccessIndex: true }).trimEnd()]
        : records().map((record) => typeRecordText(table, record)),
  };
}

function sourceOf(kernel: Kernel | undefined, words: Words): Source {
  const from = /^\d+$/.test(words.next ?? "")
    ? "id"
    : words.choice("source of types", ["id", "prog", "map", "file"]);
  if (from === "file") return { table: typesOfFile(words.take("the file's name")) };
  if (kernel === undefined) throw words.error("types of a kernel need a kernel");
  const types = new LoadedTypes(kernel);
  if (from === "id") {
    const selector = words.requiredSelector("the id", ["id"]);
    const info = selectedObject(kernel, "btf", selector, (fd) => kernel.objects.btfInfo(fd));
    return { table: required(types.table(info.id)) };
  }
  if (from === "prog") {
    const selector = words.requiredSelector("the program", programWays);
    const info = selectedObject(kernel, "program", selector, (fd) => kernel.objects.programInfo(fd));
    return { table: required(types.table(info.btfId)) };
  }
  const selector = words.requiredSelector("the map", mapWays);
  const info = selectedObject(kernel, "map", selector, (fd) => kernel.mapInfo(fd));
  const part = words.next === "format" ? "all" : words.choice("part", ["key", "value", "kv", "all"], "all");
  const table = required(types.table(info.btfId));
  const { btfKeyTypeId: key, btfValueTypeId: value } = info;
  // bpftool's `all` of a map is all types of its BTF object only where it is asked for.
  const roots =
    part === "all" ? undefined : part === "key" ? [key] : part === "value" ? [value] : [key, value];
  return roots === undefined ? { table } : { table, roots };
}

function required(table: BtfTable | undefined): BtfTable {
  if (table !== undefined) return table;
  throw new BpfkitError("KO007", "it was loaded without types", {
    hint: "Objects that bpfkit or clang -g builds have BTF; the loader may have left it out on an old kernel.",
  });
}

/** A raw BTF file, or the .BTF section of an object. */
function typesOfFile(path: string): BtfTable {
  const bytes = readBytes(path);
  const isElf = bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
  if (!isElf) return BtfTable.decode(bytes, { name: path });
  const section = readObject(bytes, path).sections.find(({ name }) => name === ".BTF");
  if (section === undefined)
    throw new BpfkitError("KO007", `${path} has no types`, { hint: "Compile with -g." });
  return BtfTable.decode(section.data, { name: `.BTF of ${path}` });
}
