/** Entries of a map as JSON and as text, in bpftool's two layouts: by C type where it is known, else bytes. */
import { errnoName } from "@bpfkit/base/abi";
import type { SyscallError } from "@bpfkit/base/diagnostics";
import { type JsonNode, jsonText, type MapEntry, type MapTypes, type OpenMap, typedValue } from "bpfkit";
import { hexText, hexWords } from "./hex.ts";
import type { Findings } from "./open.ts";

/** One entry by its key. */
export function entryFindings(map: OpenMap, key: Uint8Array): Findings {
  const entry = map.lookup(key);
  if (entry === undefined) {
    return { json: null, lines: () => ["key:", hexText(key), "", "Not found"] };
  }
  const { types } = map;
  return {
    json: entryJson(map, entry),
    lines: () =>
      types === undefined
        ? plainLines(map, entry)
        : [jsonText(typedEntry(types, map, entry, true), { pretty: true })],
  };
}

/** All entries. */
export function dumpFindings(map: OpenMap): Findings {
  const entries = [...map.entries()];
  const { types } = map;
  return {
    json: entries.map((entry) => entryJson(map, entry)),
    lines: () => {
      if (types !== undefined) {
        const typed = entries.map((entry) => typedEntry(types, map, entry, true));
        return [jsonText(typed, { pretty: true })];
      }
      const count = entries.filter(({ error }) => error === undefined).length;
      const found = `Found ${count} element${count === 1 ? "" : "s"}`;
      return [...entries.flatMap((entry) => plainLines(map, entry)), found];
    },
  };
}

function entryJson(map: OpenMap, entry: MapEntry): JsonNode {
  const key = hexWords(entry.key);
  if (entry.error !== undefined) return { key, value: { error: errorText(entry.error) } };
  const { types } = map;
  const formatted = types === undefined ? {} : { formatted: typedEntry(types, map, entry, false) };
  if (!map.perCpu) return { key, value: hexWords(entry.values[0] ?? new Uint8Array(0)), ...formatted };
  return { key, values: entry.values.map((value, cpu) => ({ cpu, value: hexWords(value) })), ...formatted };
}

function typedEntry(types: MapTypes, map: OpenMap, entry: MapEntry, plain: boolean): JsonNode {
  const { btf, keyTypeId, valueTypeId } = types;
  const key = keyTypeId === 0 ? {} : { key: typedValue(btf, keyTypeId, entry.key, { plain }) };
  if (entry.error !== undefined) return { ...key, value: { error: errorText(entry.error) } };
  const spell = (value: Uint8Array) => typedValue(btf, valueTypeId, value, { plain });
  if (!map.perCpu) return { ...key, value: spell(entry.values[0] ?? new Uint8Array(0)) };
  return { ...key, values: entry.values.map((value, cpu) => ({ cpu, value: spell(value) })) };
}

function plainLines(map: OpenMap, { key, values, error }: MapEntry): string[] {
  if (error !== undefined) return ["key:", hexText(key), "value:", errorText(error)];
  const { keySize, valueSize } = map.info;
  if (map.perCpu) {
    const cpuLines = values.map((value, cpu) => {
      const name = `value (CPU ${String(cpu).padStart(2, "0")}):`;
      return `${name}${valueSize > 16 ? "\n" : " "}${hexText(value)}`;
    });
    return ["key:", hexText(key), ...cpuLines];
  }
  const value = hexText(values[0] ?? new Uint8Array(0));
  const isBroken = keySize > 16 || valueSize > 16;
  const gap = isBroken ? "\n" : " ";
  const isOneLine = !isBroken && keySize + valueSize <= 24;
  return [`key:${gap}${hexText(key)}${isOneLine ? "  " : "\n"}value:${gap}${value}`];
}

/** The kernel's answer: `ENOTSUPP` for perf event arrays, whose elements cannot be read. */
function errorText(error: SyscallError): string {
  return errnoName(error.errno);
}
