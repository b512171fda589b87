/** `bpfkit rewrite`: the plain C that BCC-style C becomes. */
import { Args, Command } from "@oclif/core";
import { buildFlags } from "../flags.ts";
import { readSource } from "../input.ts";
import { Progress } from "../output/progress.ts";
import { printWarnings } from "../output/warnings.ts";

/** The command. */
export class Rewrite extends Command {
  static override summary = "Print the plain C that BCC-style C becomes.";
  static override examples = ["<%= config.bin %> rewrite prog.c"];
  static override args = { file: Args.string({ required: true, description: "the C file" }) };
  static override flags = buildFlags;

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
      process.stdout.write(result.rewritten);
    } finally {
      progress.done();
      await builder.close();
    }
  }
}
