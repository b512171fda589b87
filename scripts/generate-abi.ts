/** Makes base's tables of map, program and attach types and of helpers from the kernel's UAPI header linux/bpf.h. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const header = "/usr/include/linux/bpf.h";
const folder = join(import.meta.dirname, "../packages/base/src/abi");

interface Enumerator {
  readonly name: string;
  readonly value: number;
}

/** Which enums become constants, and what is cut from the front of their enumerators. */
const enums = [
  { file: "map-types", type: "MapType", c: "bpf_map_type", prefix: "BPF_MAP_TYPE_", what: "Map types" },
  {
    file: "program-types",
    type: "ProgramType",
    c: "bpf_prog_type",
    prefix: "BPF_PROG_TYPE_",
    what: "Program types",
  },
  { file: "attach-types", type: "AttachType", c: "bpf_attach_type", prefix: "BPF_", what: "Attach types" },
  { file: "commands", type: "Command", c: "bpf_cmd", prefix: "BPF_", what: "Commands of bpf(2)" },
] as const;

/** Unnamed enums, by one of their enumerators. */
const flagEnums = [
  { type: "MapCreateFlag", member: "BPF_F_NO_PREALLOC", prefix: "BPF_F_", what: "Flags of BPF_MAP_CREATE" },
  { type: "MapUpdateFlag", member: "BPF_NOEXIST", prefix: "BPF_", what: "Flags of map updates and lookups" },
  {
    type: "StackFlag",
    member: "BPF_F_USER_STACK",
    prefix: "BPF_F_",
    what: "Flags of bpf_get_stackid, bpf_get_stack",
  },
  {
    type: "PerfOutputFlag",
    member: "BPF_F_CURRENT_CPU",
    prefix: "BPF_F_",
    what: "Flags of bpf_perf_event_output",
  },
  {
    type: "RingBufferFlag",
    member: "BPF_RB_NO_WAKEUP",
    prefix: "BPF_RB_",
    what: "Flags of bpf_ringbuf_output and kin",
  },
  {
    type: "RingBufferQuery",
    member: "BPF_RB_AVAIL_DATA",
    prefix: "BPF_RB_",
    what: "Questions to bpf_ringbuf_query",
  },
  {
    type: "RingBufferHeader",
    member: "BPF_RINGBUF_BUSY_BIT",
    prefix: "BPF_RINGBUF_",
    what: "Bits and size of a ring buffer record's header",
  },
] as const;

function pascalCase(name: string): string {
  return name
    .toLowerCase()
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

/** The enumerators between an enum's braces. */
function enumerators(body: string): Enumerator[] {
  const values = new Map<string, number>();
  let next = 0;
  for (const part of withoutComments(body).split(",")) {
    const [enumerator = "", value] = part.split("=").map((word) => word.trim());
    if (enumerator === "" || /^__?MAX|_MAX$|^__MAX/.test(enumerator)) continue;
    if (value !== undefined) next = values.get(value) ?? literal(value);
    values.set(enumerator, next);
    next += 1;
  }
  return [...values].map(([enumerator, value]) => ({ name: enumerator, value }));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "");
}

/** `4`, `0xffULL`, `(1U << 3)` as a number. */
function literal(text: string): number {
  const [base = "", shift = "0"] = text.replace(/[()]/g, "").split("<<");
  const [value, bits] = [base, shift].map((word) => Number(word.trim().replace(/[UL]+$/, "")));
  const result = (value ?? Number.NaN) * 2 ** (bits ?? Number.NaN);
  if (!Number.isSafeInteger(result)) throw new Error(`cannot evaluate ${text}`);
  return result;
}

function namedEnum(text: string, name: string): string {
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(text)?.[1];
  if (body === undefined) throw new Error(`${header} has no enum ${name}`);
  return body;
}

function unnamedEnum(text: string, member: string): string {
  for (const [, body = ""] of text.matchAll(/^enum \{([^}]*)\}/gm)) {
    if (new RegExp(`\\b${member}\\b`).test(withoutComments(body))) return body;
  }
  throw new Error(`${header} has no enum with ${member}`);
}

function constants(body: string, row: { type: string; prefix: string }, doc: string): string[] {
  const lines = [`/** ${doc}. */`, `export const ${row.type} = {`];
  for (const { name, value } of enumerators(body)) {
    if (!name.startsWith(row.prefix)) continue;
    lines.push(
      `  /** ${name} */`,
      `  ${pascalCase(name.slice(row.prefix.length).replace(/^F_/, ""))}: ${value},`,
    );
  }
  lines.push("} as const;", `/** A number of {@link ${row.type}}. */`);
  lines.push(`export type ${row.type} = (typeof ${row.type})[keyof typeof ${row.type}];`, "");
  return lines;
}

interface Prototype {
  readonly returns: string;
  readonly params: readonly { readonly type: string; readonly name: string }[];
}

/** `const void *key` -> its type and name; an unnamed or variadic one has an empty name. */
function parameter(text: string): { readonly type: string; readonly name: string } {
  const match = /^(.*?[\s*])(\w+)$/.exec(text.trim());
  return match === null || /^(struct|union|enum)\s+$/.test(match[1] ?? "")
    ? { type: text.trim(), name: "" }
    : { type: (match[1] ?? "").trim(), name: match[2] ?? "" };
}

/** Prototypes out of the header's descriptions: lines ` * long bpf_name(arguments)`. */
function prototypes(text: string): Map<string, Prototype> {
  const found = new Map<string, Prototype>();
  const description = text.slice(text.indexOf("Start of BPF helper function descriptions"));
  for (const [, returns = "", name = "", list = ""] of description.matchAll(
    /^ \* ((?:[a-z_0-9]+ )+\*?)\s*bpf_(\w+)\((.*)\)$/gm,
  )) {
    const params = list === "void" ? [] : list.split(",").map(parameter);
    found.set(name, { returns: returns.trim(), params });
  }
  return found;
}

function helpersModule(text: string, origin: string): string {
  const mapper = text.slice(text.indexOf("define __BPF_FUNC_MAPPER"));
  const names = [...mapper.matchAll(/FN\((\w+)/g)]
    .map((match) => match[1] ?? "")
    .filter((name) => name !== "x");
  const known = prototypes(text);
  const lines = [
    generatedLine(origin),
    'import type { HelperRow } from "./helper.ts";',
    "",
    "/** Every helper, in order of its number from 1. */",
    "export const helperRows = (): readonly HelperRow[] => [",
  ];
  names.forEach((name, id) => {
    if (id === 0) return;
    const prototype = known.get(name);
    if (prototype === undefined) throw new Error(`helper ${name} has no prototype in ${header}`);
    lines.push(`  ${JSON.stringify({ id, name, prototype })},`);
  });
  lines.push("];", "");
  return lines.join("\n");
}

function generatedLine(origin: string): string {
  return `// Generated by scripts/generate-abi.ts from linux/bpf.h of ${origin}. Do not edit.`;
}

/** Writes base's generated tables. Needs Debian's linux-libc-dev. */
export function generateAbi(): void {
  const text = readFileSync(header, "utf8");
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholder
  const format = "${Version}";
  const version = execFileSync("dpkg-query", ["-W", "-f", format, "linux-libc-dev"], { encoding: "utf8" });
  const origin = `Debian's linux-libc-dev ${version}`;
  const write = (file: string, lines: readonly string[]): void => {
    writeFileSync(join(folder, `${file}.gen.ts`), [generatedLine(origin), "", ...lines].join("\n"));
  };
  for (const row of enums)
    write(row.file, constants(namedEnum(text, row.c), row, `${row.what} (enum ${row.c})`));
  write(
    "flags",
    flagEnums.flatMap((row) => constants(unnamedEnum(text, row.member), row, row.what)),
  );
  writeFileSync(join(folder, "helpers.gen.ts"), helpersModule(text, origin));
}
