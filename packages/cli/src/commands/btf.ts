/** `bpfkit btf`: types that are loaded on this machine, or in a file. */
import { Command } from "@oclif/core/command";
import { outputFlags } from "../kernel/flags.ts";

/** The command. */
export class Btf extends Command {
  static override summary =
    "Show types (BTF) of this machine's kernel, of what is loaded in it, or of a file.";
  static override description =
    "list, show, and dump: record by record (raw) or as C. Types come from id N, prog PROG, map MAP [key|value|kv|all] or file FILE; a file needs no root. Text and JSON are bpftool's.";
  static override examples = [
    "sudo <%= config.bin %> btf list",
    "sudo <%= config.bin %> btf dump id 1 format c",
    "<%= config.bin %> btf dump file prog.o",
    "<%= config.bin %> btf dump file /sys/kernel/btf/vmlinux format c",
  ];
  static override strict = false;
  static override usage = "btf list | show [id N] | dump SOURCE [format raw|c]";
  static override flags = outputFlags;

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Btf);
    const { printFindings, printFromKernel } = await import("../kernel/open.ts");
    const { findTypes, readsOnlyFile } = await import("../kernel/btf.ts");
    const words = argv.map(String);
    if (readsOnlyFile(words)) printFindings(flags, findTypes(undefined, words));
    else await printFromKernel(flags, (kernel) => findTypes(kernel, words));
  }
}
