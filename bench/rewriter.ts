/** What rewriting costs without the parse: the largest of BCC's tools, warm, beside the time that the parse takes. */
import { createNodeClang } from "@bpfkit/clang/node";
import { rewrite } from "@bpfkit/rewriter";
import { loadBundledProfile } from "bpfkit/node";
import { TranslationUnit } from "../packages/bpfkit/src/translation-unit.ts";
import { corpus, whyNoCorpus } from "../test/corpus/extraction.ts";

const largest = 8;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Processor time: other work on the machine does not count. */
function millisecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/**
 * Medians for the tools with the most text, and the worst of all.
 * @param say told a tool's name, milliseconds of rewriting and of parsing, of processor time
 */
export async function benchRewriting(
  say: (name: string, ms: number, parseMs: number) => void,
): Promise<void> {
  const missing = whyNoCorpus();
  if (missing !== undefined) {
    console.log(`rewriting is not measured: ${missing}`);
    return;
  }
  const programs = corpus({ variants: false }, console.error);
  const chosen = [...programs].sort((a, b) => b.text.length - a.text.length).slice(0, largest);
  const clang = createNodeClang();
  const profile = loadBundledProfile();
  try {
    for (const { name, text, defines } of chosen) {
      const source = { file: "tool.c", text };
      const unit = new TranslationUnit(source, profile, { cpu: "v3", defines, includeDirs: [] });
      // As in a build: the small kernel header where it is enough.
      const form = await clang.parseAst(unit.astRequest("lean")).then(
        () => "lean" as const,
        () => "full" as const,
      );
      const parsing: number[] = [];
      const rewriting: number[] = [];
      for (let round = 0; round < 15; round++) {
        const before = process.cpuUsage();
        // A fresh tree every time: rewriting puts file names into it.
        const { ast } = await clang.parseAst(unit.astRequest(form));
        parsing.push(millisecondsSince(before));
        const parsed = process.cpuUsage();
        rewrite({ ...source, ast, profile, preparation: unit.preparation, defines });
        rewriting.push(millisecondsSince(parsed));
      }
      say(name, median(rewriting.slice(5)), median(parsing.slice(5)));
    }
  } finally {
    await clang.close();
  }
}
