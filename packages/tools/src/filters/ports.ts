/** Lists of ports on a command line, and the macro that lets a program filter by them. */
import { UsageError } from "bpfkit/tracing";
import type { Options } from "../options/options.ts";

const highestPort = 65_535;

/**
 * A macro `NAME(port)` that is true for the ports of an option such as `--port 80,443`; nothing where it is not given.
 * @throws UsageError for what is no list of ports
 */
export function portMacro(options: Options, long: string, macro: string): string[] {
  const text = options.text(long);
  if (text === undefined) return [];
  const ports = text.split(",").map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  if (!ports.every((port) => port >= 0 && port <= highestPort)) {
    throw new UsageError(`--${long} takes ports separated by commas, such as 80,443, not '${text}'`);
  }
  return [`${macro}(port)=${ports.map((port) => `(port)==${port}`).join("||")}`];
}

/** 4 or 6 as `-4` and `-6` say; undefined for both. @throws UsageError where both are given */
export function wantedVersion(options: Options): 4 | 6 | undefined {
  const [four, six] = [options.has("ipv4"), options.has("ipv6")];
  if (four && six) throw new UsageError("-4 and -6 cannot be used together");
  return four ? 4 : six ? 6 : undefined;
}
