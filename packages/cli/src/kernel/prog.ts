/** `bpfkit prog`: programs that are loaded on this machine. */
import type { Kernel } from "@bpfkit/base/kernel";
import { describeLoadedProgram, eachObject, type LoadedProgram, LoadedTypes, selectedObjects } from "bpfkit";
import { type Findings, oneOrAll } from "./open.ts";
import { type DumpFlags, dumpPrograms } from "./prog-dump.ts";
import { programWays, Words } from "./words.ts";

/** How the command is written. */
export const progUsage = `prog list
prog show [PROG]
prog dump xlated PROG [linum] [opcodes] [file FILE]
prog dump jited PROG [file FILE]
  PROG: id N | name NAME | tag TAG | pinned FILE`;

/** Runs the command. @throws UsageError, BpfkitError KO0xx */
export function findPrograms(
  kernel: Kernel,
  argv: readonly string[],
  flags: DumpFlags,
): Findings | undefined {
  const words = new Words(argv, `bpfkit ${progUsage.replaceAll("\n", "\nbpfkit ")}`);
  const verb = words.choice("command of prog", ["list", "show", "dump"], "list");
  if (verb === "dump") return dumpPrograms(kernel, words, flags);
  const selector = words.selector(programWays);
  words.end();
  const types = new LoadedTypes(kernel);
  const describe = (fd: Parameters<typeof describeLoadedProgram>[2]) =>
    describeLoadedProgram(kernel, types, fd);
  const programs =
    selector === undefined
      ? eachObject(kernel, "program", describe)
      : selectedObjects(kernel, "program", selector, describe);
  return { json: oneOrAll(selector, programs), lines: () => programs.flatMap(programLines) };
}

function programLines(program: LoadedProgram): string[] {
  const { id, type, name, tag, gpl_compatible, run_time_ns, run_cnt, recursion_misses } = program;
  let header = `${id}: ${type}  `;
  if (name !== undefined) header += `name ${name}  `;
  header += `tag ${tag}${gpl_compatible ? "  gpl" : ""}`;
  if (run_time_ns !== undefined) header += ` run_time_ns ${run_time_ns} run_cnt ${run_cnt}`;
  if (recursion_misses !== undefined) header += ` recursion_misses ${recursion_misses}`;
  const lines = [header];
  if (program.loaded_at !== undefined) {
    lines.push(`\tloaded_at ${localTime(program.loaded_at)}  uid ${program.uid}`);
  }
  let sizes = `\txlated ${program.bytes_xlated}B`;
  sizes += program.jited ? `  jited ${program.bytes_jited}B` : "  not jited";
  if (program.bytes_memlock !== undefined) sizes += `  memlock ${program.bytes_memlock}B`;
  if (program.map_ids !== undefined) sizes += `  map_ids ${program.map_ids.join(",")}`;
  lines.push(sizes);
  if (program.btf_id !== undefined) lines.push(`\tbtf_id ${program.btf_id}`);
  return lines;
}

/** `2026-11-28T13:23:04+0000` in this machine's time zone. */
function localTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${zone}`;
}
