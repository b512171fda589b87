/** `bpfkit rewrite`: the plain C that BCC-style C becomes. */
import * as Args from "@oclif/core/args";
import { Command } from "@oclif/core/command";
import * as Flags from "@oclif/core/flags";
import type { RewrittenSource } from "bpfkit";
import { buildFlags } from "../flags.ts";
import { readSource } from "../input.ts";
import { Progress } from "../output/progress.ts";
import { printWarnings } from "../output/warnings.ts";

/** The command. */
export class Rewrite extends Command {
  static override summary = "Print the plain C that BCC-style C becomes.";
  static override examples = [
    "<%= config.bin %> rewrite prog.c",
    "<%= config.bin %> rewrite --explain prog.c",
  ];
  static override args = { file: Args.string({ required: true, description: "the C file" }) };
  static override flags = {
    ...buildFlags,
    explain: Flags.boolean({ description: "print what is rewritten and why, instead of the C" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Rewrite);
    const source = readSource(args.file);
    const { openBuilder } = await import("../build.ts");
    const progress = new Progress();
    const builder = openBuilder(flags, progress);
    try {
      const result = await builder.rewrite(source);
      progress.done();
      printWarnings(result.diagnostics);
      process.stdout.write(flags.explain ? explained(result.explanations) : result.rewritten);
    } finally {
      progress.done();
      await builder.close();
    }
  }
}

/** `prog.c:12:9: p->pid: p is an argument ...`, one a line. */
function explained(explanations: RewrittenSource["explanations"]): string {
  if (explanations.length === 0) return "Nothing is rewritten.\n";
  return explanations
    .map(
      ({ file, line, column, expression, reason }) => `${file}:${line}:${column}: ${expression}: ${reason}\n`,
    )
    .join("");
}
