/** `bpfkit inspect`: what an object file holds. */
import * as Args from "@oclif/core/args";
import { Command } from "@oclif/core/command";
import * as Flags from "@oclif/core/flags";
import { readBytes } from "../input.ts";

/** The command. */
export class Inspect extends Command {
  static override summary = "Show sections, programs, maps, license, BTF and relocations of an object file.";
  static override examples = ["<%= config.bin %> inspect prog.o", "<%= config.bin %> inspect prog.o --json"];
  static override args = { file: Args.string({ required: true, description: "the object file" }) };
  static override flags = { json: Flags.boolean({ description: "as JSON" }) };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Inspect);
    const bytes = readBytes(args.file);
    const { describeObject } = await import("bpfkit");
    const description = describeObject(bytes, args.file);
    if (flags.json) {
      process.stdout.write(`${JSON.stringify(description, null, 2)}\n`);
      return;
    }
    const { descriptionLines } = await import("../inspect/lines.ts");
    process.stdout.write(`${descriptionLines(description).join("\n")}\n`);
  }
}
