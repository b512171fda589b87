/** Makes the builder that a command's flags ask for. */
import { UsageError } from "@bpfkit/base/diagnostics";
import { Builder, checkedCpu, checkedLevel } from "bpfkit/node";
import type { Progress } from "./output/progress.ts";

/** The flags of flags.ts, as oclif parsed them. */
export interface BuildFlags {
  readonly btf?: string | undefined;
  readonly mcpu: string;
  readonly optimize: string;
  readonly define?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
  readonly "pre-include"?: readonly string[] | undefined;
  readonly cache: boolean;
}

/** A macro's definition as `-D` takes it. @throws UsageError for what is no macro name */
function definition(text: string): string {
  if (/^[A-Za-z_]\w*(?:\([^)]*\))?(?:=|$)/.test(text)) return text;
  throw new UsageError(`-D takes NAME or NAME=VALUE, not '${text}'`);
}

/** A builder that reports to `progress`. The caller closes it. */
export function openBuilder(flags: BuildFlags, progress: Progress): Builder {
  return new Builder({
    ...(flags.btf === undefined ? {} : { btf: flags.btf }),
    cpu: checkedCpu(flags.mcpu),
    optLevel: checkedLevel(flags.optimize),
    defines: (flags.define ?? []).map(definition),
    includeDirs: flags.include ?? [],
    preIncludes: flags["pre-include"] ?? [],
    cache: flags.cache,
    progress: (stage) => progress.stage(stage),
    warn: (message) => process.stderr.write(`bpfkit: warning: ${message}\n`),
  });
}
