/** `bpfkit build`: C to an object file, or to one of the stages before it. */
import { basename, dirname, join } from "node:path";
import * as Args from "@oclif/core/args";
import { Command } from "@oclif/core/command";
import * as Flags from "@oclif/core/flags";
import { buildFlags } from "../flags.ts";
import { readSource } from "../input.ts";
import { Progress } from "../output/progress.ts";
import { printWarnings } from "../output/warnings.ts";
import { writeWhole } from "../output/write-file.ts";

/** The command. */
export class Build extends Command {
  static override summary = "Build BCC-style or libbpf-style C into a portable eBPF object.";
  static override description =
    "Needs no compiler, no kernel headers and no root. Types come from a bundled kernel profile; CO-RE relocations let the object run on other kernels.";
  static override examples = [
    "<%= config.bin %> build prog.c",
    "<%= config.bin %> build prog.c -o out.o --mcpu v2 -D N=5",
    "<%= config.bin %> build prog.c --emit listing",
  ];
  static override args = { file: Args.string({ required: true, description: "the C file" }) };
  static override flags = {
    ...buildFlags,
    output: Flags.string({
      char: "o",
      helpValue: "OUT.o",
      description: "where to write (default: FILE.o here; with --emit: standard output)",
    }),
    emit: Flags.string({
      options: ["object", "rewritten", "ir", "listing"],
      default: "object",
      description: "which stage's result to write",
    }),
    json: Flags.boolean({ description: "say what was built as JSON" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Build);
    const source = readSource(args.file);
    const { openBuilder } = await import("../build.ts");
    const progress = new Progress();
    const builder = openBuilder(flags, progress);
    try {
      const cacheable = flags.emit === "object" || flags.emit === "listing";
      const result = cacheable
        ? await builder.build(source)
        : { ...(await builder.compile(source)), cached: false };
      progress.done();
      printWarnings(result.diagnostics);
      if (flags.emit === "object") {
        const output =
          flags.output ?? join(dirname(args.file), `${basename(args.file).replace(/\.c$/, "")}.o`);
        writeWhole(output, result.object);
        if (flags.json) {
          const report = {
            output,
            bytes: result.object.length,
            cached: result.cached,
            timings: result.timings,
          };
          process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
        } else process.stderr.write(`wrote ${output} (${result.object.length} bytes)\n`);
        return;
      }
      const { stageText } = await import("../stage-text.ts");
      const text = stageText(result, flags.emit);
      if (flags.output === undefined) process.stdout.write(text);
      else writeWhole(flags.output, text);
    } finally {
      progress.done();
      await builder.close();
    }
  }
}
