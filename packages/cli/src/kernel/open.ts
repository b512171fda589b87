/** Runs a command on this machine's kernel and prints what it gives. */
import type { Kernel } from "@bpfkit/base/kernel";
import { type JsonNode, jsonText, type Selector } from "bpfkit";
import { openLinuxKernel } from "bpfkit/node";

/** What a command found: the same facts for machines and for people. */
export interface Findings {
  readonly json: JsonNode;
  /** Lines of text. Made only when they are wanted. */
  lines(): readonly string[];
}

/** How to print. */
export interface OutputFlags {
  readonly json?: boolean | undefined;
  readonly pretty?: boolean | undefined;
}

/** @throws BpfkitError LK0xx where this machine or user has no kernel to look at */
export async function printFromKernel(
  flags: OutputFlags,
  find: (kernel: Kernel) => Findings | undefined,
): Promise<void> {
  const kernel = await openLinuxKernel();
  try {
    const findings = find(kernel);
    if (findings !== undefined) printFindings(flags, findings);
  } finally {
    kernel.shutdown();
  }
}

/** Prints on standard output. */
export function printFindings(flags: OutputFlags, findings: Findings): void {
  const wantsJson = flags.json === true || flags.pretty === true;
  const lines = wantsJson ? [jsonText(findings.json, { pretty: flags.pretty === true })] : findings.lines();
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
}

/** As bpftool: an object where one fits the selector, a list otherwise. */
export function oneOrAll(selector: Selector | undefined, found: readonly JsonNode[]): JsonNode {
  return selector !== undefined && found.length === 1 ? (found[0] ?? null) : found;
}
