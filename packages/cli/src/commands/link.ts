/** `bpfkit link`: links that are loaded on this machine. */
import { Command } from "@oclif/core/command";
import { outputFlags } from "../kernel/flags.ts";

/** The command. */
export class Link extends Command {
  static override summary = "Show what is attached in this machine's kernel through links.";
  static override description =
    "list and show. Links are named by id N or pinned FILE. Text and JSON are bpftool's. Needs root and Linux 5.8.";
  static override examples = [
    "sudo <%= config.bin %> link list",
    "sudo <%= config.bin %> link show id 3 --json",
  ];
  static override strict = false;
  static override usage = "link list | show [id N | pinned FILE]";
  static override flags = outputFlags;

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Link);
    const { printFromKernel } = await import("../kernel/open.ts");
    const { findLinks } = await import("../kernel/link.ts");
    await printFromKernel(flags, (kernel) => findLinks(kernel, argv.map(String)));
  }
}
