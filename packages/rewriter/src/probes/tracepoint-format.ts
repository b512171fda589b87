/** A tracepoint's context structure from the text of its `format` file (BCC 0.26: tracepoint frontend action). */

interface Field {
  readonly type: string;
  readonly name: string;
  /** Array brackets with their content, or empty. */
  readonly array: string;
  readonly offset: number;
  readonly size: number;
}

const linePattern = /field:\s*(.+?);\s*offset:\s*(\d+);\s*size:\s*(\d+);/;

function parseField(line: string): Field | undefined {
  const match = linePattern.exec(line);
  if (match === null) return undefined;
  const declaration = match[1] as string;
  const offset = Number(match[2]);
  const size = Number(match[3]);
  const dynamic = /^__data_loc\s+.*?\s(\w+)$/.exec(declaration);
  if (dynamic !== null) return { type: "int", name: `data_loc_${dynamic[1]}`, array: "", offset, size };
  const relative = /^__rel_loc\s+.*?\s(\w+)$/.exec(declaration);
  if (relative !== null) return { type: "int", name: `rel_loc_${relative[1]}`, array: "", offset, size };
  const plain = /^(.*?)([A-Za-z_]\w*)\s*((?:\[[^\]]*\])*)$/.exec(declaration);
  if (plain === null) return undefined;
  const [, type = "", name = "", array = ""] = plain;
  return { type: type.trim(), name, array, offset, size };
}

const sizedTypes: Readonly<Record<number, readonly [signed: string, unsigned: string]>> = {
  2: ["s16", "u16"],
  4: ["s32", "u32"],
  8: ["s64", "u64"],
};

const knownSizes: Readonly<Record<string, number>> = {
  char: 1,
  "signed char": 1,
  "unsigned char": 1,
  bool: 1,
  u8: 1,
  s8: 1,
  __u8: 1,
  __s8: 1,
  int8_t: 1,
  uint8_t: 1,
  short: 2,
  "unsigned short": 2,
  u16: 2,
  s16: 2,
  __u16: 2,
  __s16: 2,
  int16_t: 2,
  uint16_t: 2,
  umode_t: 2,
  int: 4,
  "unsigned int": 4,
  unsigned: 4,
  u32: 4,
  s32: 4,
  __u32: 4,
  __s32: 4,
  int32_t: 4,
  uint32_t: 4,
  pid_t: 4,
  uid_t: 4,
  gid_t: 4,
  dev_t: 4,
};

const unsignedType = /^(?:unsigned|u\d|__u\d|uint|uid_t|gid_t|bool|umode_t|dev_t)/;

/** The type to declare: where the kernel stores a value wider than its type, the type of that width. */
function declaredType(field: Field): string {
  const type = field.type.replace(/\bconst\b/g, "").trim();
  const known = knownSizes[type];
  const sized = sizedTypes[field.size];
  if (field.array !== "" || known === undefined || known >= field.size || sized === undefined)
    return field.type;
  return unsignedType.test(type) ? sized[1] : sized[0];
}

/** Array bounds that are not numbers (`comm[TASK_COMM_LEN]` since 5.18) follow from the field's size. */
function bounds(field: Field): string {
  if (field.array === "" || /^(?:\[\s*(?:\d+|0x[\da-f]+)\s*\])+$/i.test(field.array)) return field.array;
  const element = knownSizes[field.type.replace(/\bconst\b/g, "").trim()];
  return element === undefined ? field.array : `[${field.size / element}]`;
}

/**
 * The structure `tracepoint__CATEGORY__EVENT` in one piece of C.
 * @param format Text of `events/CATEGORY/EVENT/format`.
 */
export function tracepointStruct(category: string, event: string, format: string): string {
  const isSyscallEnter = category === "syscalls" && event.startsWith("sys_enter_");
  const members = ["\tu64 __do_not_use__;"];
  let position = 8;
  for (const line of format.split("\n")) {
    const field = parseField(line);
    if (field === undefined || field.offset < 8) continue;
    if (field.name.startsWith("common_")) {
      for (let byte = 0; byte < field.size; byte += 1)
        members.push(`\tchar __do_not_use__${field.offset + byte};`);
    } else {
      for (; position < field.offset; position += 1) members.push(`\tchar __pad_${position};`);
      const type = declaredType(field);
      const user = isSyscallEnter && type.endsWith("*") ? userPointer(type) : type;
      members.push(`\t${user} ${field.name}${bounds(field)};`);
    }
    position = field.offset + field.size;
  }
  return `struct tracepoint__${category}__${event} {\n${members.join("\n")}\n};\n`;
}

/** Pointers among system call arguments point to user memory. */
function userPointer(type: string): string {
  return type.replace(/\s*\*$/, " __user *");
}

/** A tracepoint that a text names. */
export interface TracepointName {
  readonly category: string;
  readonly event: string;
}

/** Tracepoints whose structures a text needs: TRACEPOINT_PROBE uses and mentions of `tracepoint__CAT__EVENT`. */
export function tracepointsIn(text: string): readonly TracepointName[] {
  const found = new Map<string, TracepointName>();
  const add = (category: string, event: string): void => {
    found.set(`${category}/${event}`, { category, event });
  };
  for (const match of text.matchAll(/\bTRACEPOINT_PROBE\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)/g)) {
    add(match[1] as string, match[2] as string);
  }
  for (const match of text.matchAll(/\bstruct\s+tracepoint__(\w+)/g)) {
    const name = match[1] as string;
    const split = name.lastIndexOf("__");
    if (split > 0) add(name.slice(0, split), name.slice(split + 2));
  }
  return [...found.values()];
}
