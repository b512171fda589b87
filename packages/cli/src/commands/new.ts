/** `bpfkit new`: a folder with a program to start from. */
import * as Args from "@oclif/core/args";
import { Command } from "@oclif/core/command";
import * as Flags from "@oclif/core/flags";
import { createProject, templateNames } from "../templates.ts";

/** The command. */
export class New extends Command {
  static override summary = "Make a folder with a program to start from.";
  static override examples = [
    "<%= config.bin %> new my-tool",
    "<%= config.bin %> new my-tool --template event-stream",
  ];
  static override args = {
    name: Args.string({ required: true, description: "name of the folder and the program" }),
  };
  static override flags = {
    template: Flags.string({ default: "histogram", description: `one of: ${templateNames().join(", ")}` }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(New);
    const files = createProject(args.name, flags.template);
    for (const file of files) process.stdout.write(`${file}\n`);
    const program = files.find((file) => file.endsWith(".c"));
    process.stderr.write(`Run it: npx bpfkit run ${program}\n`);
  }
}
