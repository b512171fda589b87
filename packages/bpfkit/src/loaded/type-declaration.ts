/** Function prototypes in the spelling of bpftool: `int on_switch(void * ctx)`. */
import type { BtfTable } from "@bpfkit/elf/btf";

const deepest = 32;

/** The prototype of a BTF function. */
export function functionPrototype(btf: BtfTable, id: number): string {
  const type = btf.type(id);
  if (type.kind !== "func") return "";
  const proto = btf.type(type.type);
  if (proto.kind !== "func_proto") return "";
  return signature(btf, type.type, type.name, 0);
}

function signature(btf: BtfTable, protoId: number, name: string, depth: number): string {
  const proto = btf.type(protoId);
  if (proto.kind !== "func_proto") return name;
  const params = proto.params.map((param, index) => {
    const isVariadic = param.type === 0 && param.name === "" && index === proto.params.length - 1;
    return isVariadic ? "..." : (specifier(btf, param.type, depth + 1) + param.name).trimEnd();
  });
  return `${specifier(btf, proto.returnType, depth + 1)}${name}(${params.join(", ")})`;
}

/** A type with a space behind it. */
function specifier(btf: BtfTable, id: number, depth: number): string {
  if (id === 0) return "void ";
  if (depth > deepest) return "... ";
  const type = btf.type(id);
  switch (type.kind) {
    case "struct":
    case "union":
      return `${type.kind} ${type.name} `;
    case "enum":
    case "enum64":
      return `enum ${type.name} `;
    case "fwd":
      return `${type.isUnion ? "union" : "struct"} ${type.name} `;
    case "array":
      return `${specifier(btf, type.elementType, depth + 1)}[${type.count}]`;
    case "ptr":
      return `${specifier(btf, type.type, depth + 1)}* `;
    case "const":
    case "volatile":
    case "restrict":
      return `${type.kind} ${specifier(btf, type.type, depth + 1)}`;
    case "type_tag":
      return specifier(btf, type.type, depth + 1);
    case "func_proto":
      return signature(btf, id, "(*)", depth + 1);
    default:
      return "name" in type ? `${type.name} ` : "void ";
  }
}
