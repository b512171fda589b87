/** biolatency's output: histograms by disk or flags, dictionaries, averages. */
import type { Table, ToolHost } from "bpfkit/tracing";
import type { Options } from "../options/options.ts";
import { requestFlagsName } from "./request-flags.ts";

function unit(options: Options): string {
  return options.has("milliseconds") ? "msecs" : "usecs";
}

function diskName(disk: unknown): string {
  return disk === "" ? "<unknown>" : String(disk);
}

/** Prints the `dist` map: one histogram, or one for each disk or set of flags. */
export function printHistograms(dist: Table, options: Options, host: ToolHost): void {
  const byFlags = options.has("flags");
  const sections = {
    sectionHeader: byFlags ? "flags" : "disk",
    sectionName: byFlags ? (flags: unknown) => requestFlagsName(BigInt(flags as bigint)) : diskName,
  };
  if (options.has("json")) dist.printJsonHist(host.write, unit(options), sections);
  else dist.printLog2Hist(host.write, unit(options), sections);
}

/** Prints and clears the `totals` map. */
export function printAverage(totals: Table, options: Options, host: ToolHost): void {
  const { latency, count } = totals.get(0) as { latency: bigint; count: bigint };
  const label = unit(options);
  if (count > 0n) {
    const average = Number(latency) / Number(count);
    host.write("");
    host.write(`avg = ${Math.trunc(average)} ${label}, total: ${latency} ${label}, count: ${count}`);
    host.write("");
  }
  totals.clear();
}
