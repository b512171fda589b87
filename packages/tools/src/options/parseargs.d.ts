/** Types of the part of @pkgjs/parseargs (the reference implementation of Node's util.parseArgs) that tools use. */
declare module "@pkgjs/parseargs" {
  interface OptionConfig {
    type: "boolean" | "string";
    short?: string;
    multiple?: boolean;
  }
  interface ParsedArguments {
    values: Record<string, string | boolean | (string | boolean)[] | undefined>;
    positionals: string[];
  }
  function parseArgs(config: {
    args: string[];
    options: Record<string, OptionConfig>;
    allowPositionals: boolean;
    strict: boolean;
  }): ParsedArguments;
}
