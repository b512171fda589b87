/** JSON with exact 64-bit integers, in the layout that bpftool gives it; and the same layout for text that is nearly JSON. */

/** Text that goes out as it is, such as `0x1f` without quotes. */
export class RawText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An object whose names may repeat, as anonymous members of a C struct do. */
export class Fields {
  readonly entries: readonly (readonly [name: string, value: JsonNode])[];

  constructor(entries: readonly (readonly [name: string, value: JsonNode])[]) {
    this.entries = entries;
  }
}

/** What can be written. Undefined members of objects are left out. */
export type JsonNode =
  | null
  | boolean
  | number
  | bigint
  | string
  | RawText
  | Fields
  | readonly JsonNode[]
  | { readonly [name: string]: JsonNode | undefined };

/** How to write. */
export interface JsonTextOptions {
  /** On several lines. */
  readonly pretty?: boolean;
}

/** The value as text, without a newline at its end. */
export function jsonText(value: JsonNode, options: JsonTextOptions = {}): string {
  const parts: string[] = [];
  write(value, 0, options.pretty === true, parts);
  return parts.join("");
}

function write(value: JsonNode, depth: number, pretty: boolean, parts: string[]): void {
  if (value instanceof RawText) parts.push(value.text);
  else if (typeof value === "bigint") parts.push(String(value));
  else if (Array.isArray(value)) writeArray(value, depth, pretty, parts);
  else if (value !== null && typeof value === "object")
    writeObject(entriesOf(value as Fields), depth, pretty, parts);
  else parts.push(JSON.stringify(value));
}

function entriesOf(value: Fields | { readonly [name: string]: JsonNode | undefined }): Fields["entries"] {
  if (value instanceof Fields) return value.entries;
  return Object.entries(value).filter((entry): entry is [string, JsonNode] => entry[1] !== undefined);
}

const lineEnd = (depth: number): string => `\n${"    ".repeat(depth)}`;

/** Elements stand one after the other; only the closing bracket has a line of its own. */
function writeArray(values: readonly JsonNode[], depth: number, pretty: boolean, parts: string[]): void {
  parts.push("[");
  values.forEach((element, index) => {
    if (index > 0) parts.push(",");
    write(element, depth + 1, pretty, parts);
  });
  if (pretty && values.length > 0) parts.push(lineEnd(depth));
  parts.push("]");
}

function writeObject(entries: Fields["entries"], depth: number, pretty: boolean, parts: string[]): void {
  parts.push("{");
  entries.forEach(([name, member], index) => {
    if (index > 0) parts.push(",");
    if (pretty) parts.push(lineEnd(depth + 1));
    parts.push(JSON.stringify(name), pretty ? ": " : ":");
    write(member, depth + 1, pretty, parts);
  });
  if (pretty && entries.length > 0) parts.push(lineEnd(depth));
  parts.push("}");
}
