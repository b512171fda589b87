/** Source lines of instructions. Facts: llvm/lib/Target/BPF/BTFDebug.cpp, beginInstruction. */
import type { LineInfo } from "@bpfkit/elf/btf";
import type { DebugNode, DebugNodes } from "../ir/index.ts";
import { scopeFile } from "../ir/index.ts";
import type { EmittedFunction } from "./emitted-module.ts";

/** Finds file names and line texts. */
export class SourceLines {
  private readonly nodes: DebugNodes;
  private readonly sourceText: (file: string) => string | undefined;
  private readonly files = new Map<DebugNode, { readonly path: string; readonly lines: readonly string[] }>();

  /** @param sourceText text of a file by the name DIFile gives, or by directory and name */
  constructor(nodes: DebugNodes, sourceText: (file: string) => string | undefined) {
    this.nodes = nodes;
    this.sourceText = sourceText;
  }

  /** A record for one place in C. */
  record(insnOffset: number, file: DebugNode | undefined, line: number, column: number): LineInfo {
    const { path, lines } = this.open(file);
    return { insnOffset, file: path, text: lines[line - 1] ?? "", line, column };
  }

  private open(file: DebugNode | undefined): { readonly path: string; readonly lines: readonly string[] } {
    if (file === undefined) return { path: "", lines: [] };
    let known = this.files.get(file);
    if (known === undefined) {
      const name = this.nodes.text(file, "filename");
      const directory = this.nodes.text(file, "directory");
      const path = name.startsWith("/") || directory === "" ? name : `${directory}/${name}`;
      const text = this.nodes.text(file, "source") || (this.sourceText(name) ?? this.sourceText(path) ?? "");
      known = { path, lines: text.split("\n").map((line) => line.replace(/\r$/, "")) };
      this.files.set(file, known);
    }
    return known;
  }
}

/** The line records of one function: one per instruction whose place differs from that of the one before. */
export function lineRecords(
  nodes: DebugNodes,
  lines: SourceLines,
  emitted: EmittedFunction,
  subprogram: DebugNode,
): LineInfo[] {
  const records: LineInfo[] = [];
  let previous: number | undefined;
  for (const { offset, debugLocation } of emitted.instructions) {
    const location = nodes.get(debugLocation);
    const line = location === undefined ? 0 : nodes.number(location, "line");
    if (location === undefined || line === 0 || debugLocation === previous) {
      if (records.length > 0) continue;
      const file = scopeFile(nodes, subprogram);
      records.push(lines.record(emitted.offset, file, nodes.number(subprogram, "line"), 0));
      continue;
    }
    const file = scopeFile(nodes, nodes.reference(location, "scope"));
    records.push(lines.record(offset, file, line, nodes.number(location, "column")));
    previous = debugLocation;
  }
  return records;
}
