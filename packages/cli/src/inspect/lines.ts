/** `bpfkit inspect` as text. */
import { type ObjectDescription, programLines } from "bpfkit";

type Row = readonly (string | number)[];

/** Columns as wide as their widest cell; numbers to the right. */
function table(header: readonly string[], rows: readonly Row[]): string[] {
  if (rows.length === 0) return ["  none"];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column] ?? "").length)),
  );
  const line = (row: Row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return typeof cell === "number" ? String(cell).padStart(width) : cell.padEnd(width);
      })
      .join("  ");
  return [header, ...rows].map((row) => `  ${line(row)}`.trimEnd());
}

/** The whole report, a line each. */
export function descriptionLines(object: ObjectDescription): string[] {
  const lines = [`${object.file}: ${object.sizeBytes} bytes, license ${object.license || "none"}`, ""];
  lines.push(
    "SECTIONS",
    ...table(
      ["name", "type", "flags", "size", "align", "relocations"],
      object.sections.map((each) => [
        each.name,
        each.type,
        each.flags,
        each.sizeBytes,
        each.align,
        each.relocations,
      ]),
    ),
    "",
    "MAPS",
    ...table(
      ["name", "type", "key", "value", "key size", "value size", "max entries", "flags", "more"],
      object.maps.map((map) => [
        map.name,
        map.type,
        map.keyType || "-",
        map.valueType || "-",
        map.keySizeBytes,
        map.valueSizeBytes,
        map.maxEntries,
        `0x${map.flags.toString(16)}`,
        attributeText(map.attributes),
      ]),
    ),
    "",
    "VARIABLES",
    ...table(
      ["name", "section", "type", "offset", "size"],
      object.maps.flatMap((map) =>
        map.variables.map(({ name, type, offset, sizeBytes }) => [name, map.name, type, offset, sizeBytes]),
      ),
    ),
    ...externLines(object),
    ...structOpsLines(object),
    "",
    "RELOCATIONS",
    ...table(
      ["section", "offset", "type", "symbol"],
      object.relocations.map((each) => [
        each.section,
        `0x${each.offset.toString(16)}`,
        each.type,
        each.symbol,
      ]),
    ),
    "",
    "BTF",
    ...btfLines(object),
    "",
    "PROGRAMS",
  );
  for (const program of object.programs) lines.push(...programLines(program), "");
  return lines.slice(0, -1);
}

function attributeText(attributes: ObjectDescription["maps"][number]["attributes"]): string {
  const { pinned, numaNode, mapExtra, inner, values, frozen, tags } = attributes;
  const parts = [
    pinned === undefined ? "" : "pinned by name",
    frozen === undefined ? "" : "frozen",
    numaNode === undefined ? "" : `NUMA node ${numaNode}`,
    mapExtra === undefined ? "" : `extra ${mapExtra}`,
    inner === undefined ? "" : `inner ${inner}`,
    (values ?? []).map(({ index, symbol }) => `[${index}]=${symbol}`).join(" "),
    (tags ?? []).join(" "),
  ];
  return parts.filter((part) => part !== "").join("; ");
}

function externLines({ externs }: ObjectDescription): string[] {
  if (externs.length === 0) return [];
  const rows = externs.map(({ name, section, type, weak }) => [
    name,
    section || "-",
    type || "-",
    weak ? "weak" : "",
  ]);
  return ["", "EXTERNS", ...table(["name", "section", "type", ""], rows)];
}

function structOpsLines({ structOps }: ObjectDescription): string[] {
  return structOps.flatMap(({ name, section, type, functions }) => [
    "",
    `STRUCT_OPS ${name}: ${type} in ${section}`,
    ...table(
      ["member", "program"],
      functions.map(({ member, program }) => [member, program]),
    ),
  ]);
}

function btfLines({ btf }: ObjectDescription): string[] {
  if (btf === undefined) return ["  none"];
  const kinds = Object.entries(btf.kinds)
    .sort(([, left], [, right]) => right - left)
    .map(([kind, count]) => `${count} ${kind}`);
  return [
    `  ${btf.types} types: ${kinds.join(", ")}`,
    `  ${btf.functions} functions, ${btf.lines} source lines, ${btf.coreRelocations} CO-RE relocations`,
  ];
}
