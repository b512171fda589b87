/** Names of BTF types and of members inside them, as C writes them. */
import type { BtfTable } from "@bpfkit/elf/btf";

/** Deeper than this a type is written `...`; C programs stay far below. */
const deepest = 32;

/** A type's name: `struct request *`, `char[16]`, `u64`. */
export function typeName(btf: BtfTable, id: number, depth = 0): string {
  if (depth > deepest) return "...";
  const type = btf.type(id);
  const inner = (next: number) => typeName(btf, next, depth + 1);
  switch (type.kind) {
    case "void":
      return "void";
    case "ptr": {
      const name = inner(type.type);
      return name.endsWith("*") ? `${name}*` : `${name} *`;
    }
    case "array":
      return `${inner(type.elementType)}[${type.count}]`;
    case "struct":
    case "union":
    case "enum":
      return `${type.kind} ${type.name === "" ? "{...}" : type.name}`;
    case "enum64":
      return `enum ${type.name === "" ? "{...}" : type.name}`;
    case "fwd":
      return `${type.isUnion ? "union" : "struct"} ${type.name}`;
    case "const":
    case "volatile":
    case "restrict":
      return `${type.kind} ${inner(type.type)}`;
    case "type_tag":
      return inner(type.type);
    case "func_proto":
      return "function";
    default:
      return type.name;
  }
}

/** The members of a CO-RE access string: `0:3:1` of struct request becomes `.q.disk`. */
export function accessName(btf: BtfTable, id: number, access: string): string {
  const [first = 0, ...rest] = access.split(":").map(Number);
  let text = first === 0 ? "" : `[${first}]`;
  let current = id;
  for (const index of rest) {
    const type = btf.type(btf.resolve(current));
    if (type.kind === "array") {
      text += `[${index}]`;
      current = type.elementType;
    } else if (type.kind === "struct" || type.kind === "union") {
      const member = type.members[index];
      if (member === undefined) return `${text}.?`;
      if (member.name !== "") text += `.${member.name}`;
      current = member.type;
    } else return `${text}.?`;
  }
  return text;
}
