/** `bpfkit run`: a bundled tool, a C file or an object, in the VM or in this machine's kernel. */
import * as Args from "@oclif/core/args";
import { Command } from "@oclif/core/command";
import * as Flags from "@oclif/core/flags";
import { buildFlags } from "../flags.ts";
import { Progress } from "../output/progress.ts";
import { onInterrupt } from "../run/interrupt.ts";

/** The command. */
export class Run extends Command {
  static override summary = "Run a bundled tool, a C program or an object file.";
  static override description =
    "Runs in the bundled VM, which simulates a Linux 6.1 machine at work; it ends when the workload is over. With --target kernel it traces this machine instead (Linux with BTF, as root), until Ctrl-C. Arguments after TARGET are the tool's own: bpfkit run biolatency --help lists them.";
  static override examples = [
    "<%= config.bin %> run tools/biolatency",
    "<%= config.bin %> run biolatency -D --scenario block-io",
    "<%= config.bin %> run hello.c",
    "<%= config.bin %> run prog.o --json",
    "sudo <%= config.bin %> run --target kernel execsnoop",
  ];
  static override strict = false;
  static override usage = "run TARGET [--target vm|kernel] [--scenario NAME] [TOOL ARGUMENTS...]";
  static override args = {
    target: Args.string({
      required: true,
      description: "a bundled tool such as biolatency, a .c or a .o file",
    }),
  };
  static override flags = {
    ...buildFlags,
    target: Flags.string({ options: ["vm", "kernel"], default: "vm", description: "where to run" }),
    scenario: Flags.string({
      helpValue: "NAME",
      description:
        "the VM's workload: block-io, cpu-profile, exec, file-open, run-queue, system-calls, tcp or mixed",
    }),
    "verifier-log": Flags.boolean({
      description: "with --target kernel: show what the kernel's verifier says of each program",
    }),
    extend: Flags.string({
      helpValue: "ID|PIN",
      description: 'with --target kernel: the loaded program that SEC("freplace/FUNCTION") programs change',
    }),
    seed: Flags.integer({ min: 0, default: 1, description: "another run of the same workload" }),
    engine: Flags.string({
      options: ["jit", "interpreter"],
      default: "jit",
      description: "how the VM executes programs",
    }),
  };

  async run(): Promise<void> {
    const { args, flags, argv } = await this.parse(Run);
    const words = argv.slice(1).map(String);
    const { resolveTarget } = await import("../run/target.ts");
    const target = await resolveTarget(args.target);
    if (target.tool !== undefined && words.some((word) => word === "--help" || word === "-h")) {
      const { printHelp } = await import("../run/help.ts");
      process.exitCode = await printHelp(target.tool, words);
      return;
    }
    const progress = new Progress();
    const { openHost } = await import("../run/host.ts");
    const host = await openHost(target, flags, progress, onInterrupt());
    try {
      const { tool } = target;
      process.exitCode = tool === undefined ? await host.runGeneric(words) : await tool.run(words, host);
    } finally {
      progress.done();
      await host.close();
    }
  }
}
