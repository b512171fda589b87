/** Prints constants. Their nesting is bounded by the parser. */
import { escapeBytes } from "./escape.ts";
import type { StructType } from "./type.ts";
import { printType, quoteName } from "./type.ts";
import type { Constant, ConstantExpression } from "./value.ts";
import { signedValue } from "./value.ts";

/** `type value`. */
export function printTypedConstant(constant: Constant): string {
  const type =
    constant.kind === "global" || constant.kind === "function" || constant.kind === "alias"
      ? "ptr"
      : constant.type;
  return `${typeof type === "string" ? type : printType(type)} ${printConstant(constant)}`;
}

/** The value without its type. */
export function printConstant(constant: Constant): string {
  switch (constant.kind) {
    case "int":
      if (constant.type.bits === 1) return constant.value === 1n ? "true" : "false";
      return String(signedValue(constant));
    case "zero":
      return "zeroinitializer";
    case "float":
      return constant.text;
    case "bytes":
      return `c"${escapeBytes(constant.bytes)}"`;
    case "aggregate": {
      const elements = constant.elements.map(printTypedConstant).join(", ");
      if (constant.type.kind === "array") return `[${elements}]`;
      if (constant.type.kind === "vector") return `<${elements}>`;
      return (constant.type as StructType).packed ? `<{ ${elements} }>` : `{ ${elements} }`;
    }
    case "expression":
      return printExpression(constant);
    case "blockaddress":
      return `blockaddress(@${quoteName(constant.functionName)}, %${quoteName(constant.blockName)})`;
    case "global":
    case "function":
    case "alias":
      return `@${quoteName(constant.name)}`;
    default:
      return constant.kind;
  }
}

function printExpression(constant: ConstantExpression): string {
  const operands = constant.operands.map(printTypedConstant);
  if (constant.opcode === "gep") {
    const source = constant.sourceType === undefined ? "i8" : printType(constant.sourceType);
    const flag = constant.inbounds ? "inbounds " : "";
    return `getelementptr ${flag}(${[source, ...operands].join(", ")})`;
  }
  if (operands.length === 1) return `${constant.opcode} (${operands[0]} to ${printType(constant.type)})`;
  return `${constant.opcode} (${operands.join(", ")})`;
}
