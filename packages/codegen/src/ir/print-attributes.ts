/** Prints attributes. */
import { printType } from "./type.ts";
import type { Attributes } from "./value.ts";

/** Attributes that LLVM writes without quotes; all else is a string attribute. */
const keywords = /^[a-z_0-9]+$/;
/** String attributes whose names look like keywords. */
const strings = new Set(["btf_ama", "btf_type_id", "kernel", "probe-stack"]);

/** The attributes separated by spaces, "" for none. */
export function printAttributes(attributes: Attributes): string {
  const parts: string[] = [];
  for (const [name, value] of attributes) {
    if (!keywords.test(name) || strings.has(name) || value === "") {
      parts.push(typeof value === "string" && value !== "" ? `"${name}"="${value}"` : `"${name}"`);
    } else if (value === true) parts.push(name);
    else if (typeof value === "object") parts.push(`${name}(${printType(value)})`);
    else if (name === "align") parts.push(`align ${value}`);
    else parts.push(`${name}(${value})`);
  }
  return parts.join(" ");
}
