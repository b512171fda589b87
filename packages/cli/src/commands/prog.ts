/** `bpfkit prog`: programs that are loaded on this machine. */
import { Command } from "@oclif/core/command";
import * as Flags from "@oclif/core/flags";
import { outputFlags } from "../kernel/flags.ts";

/** The command. */
export class Prog extends Command {
  static override summary = "Show programs that are loaded in this machine's kernel.";
  static override description =
    "list, show, and dump: the instructions as the verifier left them (xlated) with lines of C, or the machine code (jited). Programs are named by id N, name NAME, tag TAG or pinned FILE. Text and JSON are bpftool's. Needs root.";
  static override examples = [
    "sudo <%= config.bin %> prog list",
    "sudo <%= config.bin %> prog show name on_exec --json",
    "sudo <%= config.bin %> prog dump xlated id 7 linum opcodes",
    "sudo <%= config.bin %> prog dump jited tag 6deef7357e7b4530 file code.bin",
  ];
  static override strict = false;
  static override usage = "prog list | show [PROG] | dump xlated|jited PROG [linum] [opcodes] [file FILE]";
  static override flags = {
    ...outputFlags,
    linum: Flags.boolean({ description: "dump: file and line of each line of C" }),
    opcodes: Flags.boolean({ description: "dump: encoded instructions" }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Prog);
    const { printFromKernel } = await import("../kernel/open.ts");
    const { findPrograms } = await import("../kernel/prog.ts");
    await printFromKernel(flags, (kernel) => findPrograms(kernel, argv.map(String), flags));
  }
}
