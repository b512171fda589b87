/** Makes a tool of a command line and what it does: parsing and the help text are the same for all. */
import type { Tool, ToolHost } from "bpfkit/tracing";
import { type Options, parseOptions, type Usage, usageLines } from "./options.ts";

/** What is special to one tool. */
export interface ToolDefinition {
  readonly usage: Usage;
  /** The simulated workload it runs on when the user names none. */
  readonly scenario: string;
  /** Everything after parsing. @returns the exit code @throws UsageError for values that make no sense */
  readonly main: (options: Options, host: ToolHost) => Promise<number>;
}

/** The tool. */
export function defineTool({ usage, scenario, main }: ToolDefinition): Tool {
  return {
    name: usage.name,
    summary: usage.summary,
    scenario,
    async run(argv, host) {
      const options = parseOptions(usage, argv);
      if (!options.has("help")) return await main(options, host);
      for (const line of usageLines(usage)) host.write(line);
      return 0;
    },
  };
}
