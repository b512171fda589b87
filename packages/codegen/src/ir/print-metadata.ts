/** Prints metadata nodes. Their nesting is bounded by the parser. */
import { quoteText } from "./escape.ts";
import type { MetadataField, MetadataNode, MetadataTable } from "./metadata.ts";
import { printTypedConstant } from "./print-value.ts";

/** The text of a node: `!{...}`, `!DISubprogram(...)`. */
export function printMetadata(node: MetadataNode): string {
  if (node.kind === "string") return `!${quoteText(node.text)}`;
  const distinct = node.distinct ? "distinct " : "";
  if (node.kind === "tuple") return `${distinct}!{${node.elements.map(printElement).join(", ")}}`;
  const fields = [...node.fields].map(([name, value]) => `${name}: ${printField(value)}`);
  const operands = node.operands.map(printField);
  return `${distinct}!${node.tag}(${[...fields, ...operands].join(", ")})`;
}

/** All nodes of a table, one line each. */
export function printMetadataTable(table: MetadataTable): string[] {
  const lines: string[] = [];
  for (let id = 0; id < table.size; id++) {
    const node = table.node(id);
    if (node !== undefined) lines.push(`!${id} = ${printMetadata(node)}`);
  }
  return lines;
}

/** A field of a specialised node or an operand of an intrinsic. */
export function printField(field: MetadataField): string {
  switch (field.kind) {
    case "reference":
      return `!${field.id}`;
    case "string":
      return quoteText(field.text);
    case "number":
      return String(field.value);
    case "keyword":
      return field.text;
    case "node":
      return printMetadata(field.node);
    case "constant":
      return printTypedConstant(field.value);
    case "local":
      return `%${field.name}`;
    default:
      return "null";
  }
}

function printElement(field: MetadataField): string {
  return field.kind === "string" ? `!${quoteText(field.text)}` : printField(field);
}
