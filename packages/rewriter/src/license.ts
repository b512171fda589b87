/** The license section: from the text, or GPL as in BCC. */
import { type AstNode, childrenOf } from "./ast/node.ts";

/**
 * What to append to the text. BCC takes the tokens of BPF_LICENSE, without quotes; without it a program is GPL.
 * Empty where the program has a license variable of its own.
 */
export function licenseFooter(text: string, variables: readonly AstNode[]): string {
  const hasOwn = variables.some(
    (variable) =>
      (variable.name === "_license" || variable.name === "LICENSE" || variable.name === "license") &&
      childrenOf(variable).some((child) => child.kind === "SectionAttr"),
  );
  if (hasOwn) return "";
  const end = text === "" || text.endsWith("\n") ? "" : "\n";
  const definition = /^[ \t]*#[ \t]*define[ \t]+BPF_LICENSE[ \t]+(.*?)[ \t]*(?:\/[/*].*)?$/m.exec(text);
  const license = definition?.[1] ?? "GPL";
  return `${end}char _license[] SEC("license") = ${JSON.stringify(license)};\n`;
}
