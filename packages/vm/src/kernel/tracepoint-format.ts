/** Reads the text of a tracepoint's `format` file: its id and the place of each field in the record. */
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** One field of a record. Offsets and sizes in bytes. */
export interface TracepointField {
  readonly name: string;
  /** As the kernel prints it, without the name and array part. */
  readonly type: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
  /** `data`: a u32 at `offset` says where in the record the bytes are; `relative`: counted from the end of that u32. */
  readonly location: "inline" | "data" | "relative";
}

/** The layout of a tracepoint's records. */
export interface TracepointFormat {
  readonly name: string;
  readonly id: number;
  /** The event's own fields in file order; the common ones are not among them. */
  readonly fields: readonly TracepointField[];
  /** Size of the fixed part, the common fields included. */
  readonly size: number;
}

const FieldLine = /^\tfield:(.+);\toffset:(\d+);\tsize:(\d+);\tsigned:([01]);/;

/**
 * Parses a format text.
 * @throws BpfkitError VM040 where name, id or fields are missing.
 */
export function parseTracepointFormat(text: string): TracepointFormat {
  let name = "";
  let id = -1;
  let size = 0;
  const fields: TracepointField[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("name: ")) name = line.slice(6).trim();
    else if (line.startsWith("ID: ")) id = Number(line.slice(4));
    else if (line.startsWith("print fmt:")) break;
    else {
      const field = parseField(line);
      if (field === undefined) continue;
      size = Math.max(size, field.offset + field.size);
      if (!field.name.startsWith("common_")) fields.push(field);
    }
  }
  if (name === "" || !Number.isSafeInteger(id) || id < 0 || size < 8) {
    throw new BpfkitError("VM040", `the format of tracepoint ${name === "" ? "(no name)" : name} is damaged`);
  }
  return { name, id, fields, size };
}

function parseField(line: string): TracepointField | undefined {
  const match = FieldLine.exec(line);
  if (match === null) return undefined;
  const [, declaration = "", offset, size, signed] = match;
  const place = { offset: Number(offset), size: Number(size), signed: signed === "1" };
  const dynamic = /^(__data_loc|__rel_loc) (.*?)\s*(\w+)$/.exec(declaration);
  if (dynamic !== null) {
    const [, kind, type = "", name = ""] = dynamic;
    return { name, type, ...place, location: kind === "__data_loc" ? "data" : "relative" };
  }
  const plain = /^(.*?)\s*(\w+)(?:\[[^\]]*\])*$/.exec(declaration);
  if (plain === null) return undefined;
  const [, type = "", name = ""] = plain;
  return { name, type, ...place, location: "inline" };
}

/** Finds the id in a format text without parsing the rest; undefined where there is none. */
export function tracepointIdOf(text: string): number | undefined {
  const match = /^ID: (\d+)$/m.exec(text);
  return match === null ? undefined : Number(match[1]);
}
