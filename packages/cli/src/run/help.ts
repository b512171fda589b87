/** A tool's help, for which neither kernel nor compiler is started and no privileges are needed. */
import { UsageError } from "@bpfkit/base/diagnostics";
import type { Tool, ToolHost } from "bpfkit/tracing";

/** Prints it. @throws UsageError for a command line that is wrong, or does not ask for help after all */
export async function printHelp(tool: Tool, words: readonly string[]): Promise<number> {
  const host: Partial<ToolHost> = {
    write: (line) => {
      process.stdout.write(`${line}\n`);
    },
    open: () => {
      throw new UsageError(`${tool.name}: --help and -h stand for themselves`, {
        hint: "A value that begins with a dash is given as --option=VALUE.",
      });
    },
  };
  return await tool.run(words, host as ToolHost);
}
