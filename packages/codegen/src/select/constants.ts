/** Constants of IR as numbers. */
import type { ConstantExpression, Value } from "../ir/value.ts";

/** The number a constant stands for, unsigned in its width; undefined where it is no plain number. */
export function integerValue(value: Value): bigint | undefined {
  switch (value.kind) {
    case "int":
      return value.value;
    case "null":
    case "zero":
    case "undef":
    case "poison":
      return 0n;
    case "expression":
      return expressionValue(value);
    default:
      return undefined;
  }
}

function expressionValue(start: ConstantExpression): bigint | undefined {
  let value: Value = start;
  while (
    value.kind === "expression" &&
    (value.opcode === "inttoptr" || value.opcode === "ptrtoint" || value.opcode === "bitcast")
  ) {
    value = value.operands[0]!;
  }
  return value.kind === "int" ? BigInt.asUintN(64, value.value) : undefined;
}
