/** `bpfkit map`: maps that are loaded on this machine, and their entries. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import {
  describeLoadedMap,
  eachObject,
  type LoadedMap,
  LoadedTypes,
  OpenMap,
  type Selector,
  selectedObject,
  selectedObjects,
} from "bpfkit";
import { changeEntry, deleteEntry } from "./map-edit.ts";
import { dumpFindings, entryFindings } from "./map-entries.ts";
import { givenKeyOf } from "./map-input.ts";
import { type Findings, oneOrAll } from "./open.ts";
import { mapWays, Words } from "./words.ts";

/** How the command is written. */
export const mapUsage = `map list
map show [MAP]
map dump MAP
map lookup MAP key DATA
map update MAP key DATA value DATA [any|noexist|exist]
map delete MAP key DATA
map pin MAP FILE
  MAP: id N | name NAME | pinned FILE
  DATA: bytes (1 0 0 0), hex and bytes (hex 01 00 00 00), or the C type's value (7, '{"pid":7}')`;

const verbs = ["list", "show", "dump", "lookup", "update", "delete", "pin"] as const;

/** Runs the command. @throws UsageError, BpfkitError KO0xx */
export function findMaps(kernel: Kernel, argv: readonly string[]): Findings | undefined {
  const words = new Words(argv, `bpfkit ${mapUsage.replaceAll("\n", "\nbpfkit ")}`);
  const verb = words.choice("command of map", verbs, "list");
  if (verb === "list" || verb === "show") return showMaps(kernel, words);
  const selector = words.requiredSelector("the map", mapWays);
  const types = new LoadedTypes(kernel);
  switch (verb) {
    case "dump":
      words.end();
      return dumpMaps(kernel, types, selector);
    case "lookup":
      return selectedObject(kernel, "map", selector, (fd) => {
        const map = new OpenMap(kernel, types, fd);
        const key = givenKeyOf(words, map);
        words.end();
        return entryFindings(map, key);
      });
    case "update":
      return selectedObject(kernel, "map", selector, (fd) => changeEntry(kernel, types, fd, words));
    case "delete":
      return selectedObject(kernel, "map", selector, (fd) => deleteEntry(kernel, types, fd, words));
    default: {
      const path = words.take("the file to pin it to");
      words.end();
      selectedObject(kernel, "map", selector, (fd) => pinMap(kernel, fd, path));
      return undefined;
    }
  }
}

function showMaps(kernel: Kernel, words: Words): Findings {
  const selector = words.selector(mapWays);
  words.end();
  const describe = (fd: Fd) => describeLoadedMap(kernel, fd);
  const maps =
    selector === undefined
      ? eachObject(kernel, "map", describe)
      : selectedObjects(kernel, "map", selector, describe);
  return { json: oneOrAll(selector, maps), lines: () => maps.flatMap(mapLines) };
}

/** Of a name that fits several maps, all are shown. */
function dumpMaps(kernel: Kernel, types: LoadedTypes, selector: Selector): Findings {
  const found = selectedObjects(kernel, "map", selector, (fd) =>
    dumpFindings(new OpenMap(kernel, types, fd)),
  );
  const [first] = found;
  if (found.length === 1 && first !== undefined) return first;
  return { json: found.map(({ json }) => json), lines: () => found.flatMap((each) => each.lines()) };
}

function pinMap(kernel: Kernel, fd: Fd, path: string): void {
  try {
    kernel.objects.pin(fd, path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BpfkitError("KO008", `cannot pin the map at ${path}: ${why}`, {
      cause: error,
      hint: "Pins are new files below a mount of type bpf: mount -t bpf bpf /sys/fs/bpf.",
    });
  }
}

function mapLines(map: LoadedMap): string[] {
  const name = map.name === undefined ? "" : `name ${map.name}  `;
  const lines = [`${map.id}: ${map.type}  ${name}flags 0x${map.flags.toString(16)}`];
  const memlock = map.bytes_memlock === undefined ? "" : `  memlock ${map.bytes_memlock}B`;
  lines.push(`\tkey ${map.bytes_key}B  value ${map.bytes_value}B  max_entries ${map.max_entries}${memlock}`);
  const owner: string[] = [];
  if (map.owner_prog_type !== undefined) owner.push(`owner_prog_type ${map.owner_prog_type}  `);
  if (map.owner_jited !== undefined) owner.push(`owner${map.owner_jited ? "" : " not"} jited`);
  if (owner.length > 0) lines.push(`\t${owner.join("")}`);
  const isFrozen = map.frozen === 1;
  const types = map.btf_id === undefined ? [] : [`btf_id ${map.btf_id}`];
  const facts = [...types, ...(isFrozen ? ["frozen"] : [])];
  if (facts.length > 0) lines.push(`\t${facts.join("  ")}`);
  return lines;
}
