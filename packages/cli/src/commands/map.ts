/** `bpfkit map`: maps that are loaded on this machine. */
import { Command } from "@oclif/core/command";
import { outputFlags } from "../kernel/flags.ts";

/** The command. */
export class MapCommand extends Command {
  static override summary = "Show and change maps that are loaded in this machine's kernel.";
  static override description =
    "list, show, dump, lookup, update, delete and pin. Maps are named by id N, name NAME or pinned FILE. Keys and values are shown by their C types where the map has them; they are written as bytes (1 0 0 0), as hex bytes (hex 01 00 00 00) or as the C type's value (7, or JSON). Text and JSON are bpftool's. Needs root.";
  static override examples = [
    "sudo <%= config.bin %> map list",
    "sudo <%= config.bin %> map dump name counts",
    "sudo <%= config.bin %> map lookup id 7 key 1 0 0 0",
    `sudo <%= config.bin %> map update name table key '{"pid":7,"comm":"bash"}' value 5`,
    "sudo <%= config.bin %> map pin id 7 /sys/fs/bpf/counts",
  ];
  static override strict = false;
  static override usage =
    "map list | show [MAP] | dump MAP | lookup MAP key DATA | update MAP key DATA value DATA [any|noexist|exist] | delete MAP key DATA | pin MAP FILE";
  static override flags = outputFlags;

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(MapCommand);
    const { printFromKernel } = await import("../kernel/open.ts");
    const { findMaps } = await import("../kernel/map.ts");
    await printFromKernel(flags, (kernel) => findMaps(kernel, argv.map(String)));
  }
}
