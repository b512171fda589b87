/** `bpfkit feature`: what this machine's kernel can do. */
import { Command } from "@oclif/core/command";
import * as Flags from "@oclif/core/flags";
import { outputFlags } from "../kernel/flags.ts";

/** The command. */
export class Feature extends Command {
  static override summary =
    "Show what this machine's kernel can do: types of programs and maps, helpers, privileges.";
  static override description =
    "Everything is found out by trying; nothing stays loaded. Names in JSON are those of bpftool feature where both say the same. Needs root.";
  static override examples = [
    "sudo <%= config.bin %> feature",
    "sudo <%= config.bin %> feature --helpers --json",
  ];
  static override flags = {
    ...outputFlags,
    helpers: Flags.boolean({ description: "try every helper for every type of program" }),
    full: Flags.boolean({
      description: "also helpers that leave a warning in the kernel's log",
      dependsOn: ["helpers"],
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Feature);
    const { openLinuxKernel } = await import("bpfkit/node");
    const { describeFeatures } = await import("bpfkit");
    const { printFindings } = await import("../kernel/open.ts");
    const { featureLines } = await import("../kernel/feature.ts");
    const kernel = await openLinuxKernel();
    try {
      const report = describeFeatures(kernel, flags);
      printFindings(flags, { json: report, lines: () => featureLines(report) });
    } finally {
      kernel.shutdown();
    }
  }
}
