/** One function of a program section -> ProgramSpec, typed by the section's name. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { CodeFunction, CodeSection, ProgramSpec } from "./program-spec.ts";
import { sectionDefinitions, sectionMeaning } from "./sections.ts";

/** The spec of a program. A section name without meaning gives type 0, which {@link requireType} refuses at load. */
export function programFromFunction(code: CodeSection, entry: CodeFunction): ProgramSpec {
  const optional = code.name.startsWith("?");
  const section = optional ? code.name.slice(1) : code.name;
  const meaning = sectionMeaning(section);
  return {
    name: entry.name,
    section,
    code,
    entry,
    type: meaning?.definition.type ?? 0,
    expectedAttachType: meaning?.definition.attachType ?? 0,
    method: meaning?.definition.method ?? "none",
    attachTo: meaning?.target,
    autoload: !optional,
    sleepable: meaning?.definition.sleepable ?? false,
    flags: meaning?.definition.flags ?? 0,
  };
}

/**
 * Refuses a program whose section says nothing about its type.
 * @throws BpfkitError LD024 with the nearest known section names.
 */
export function requireType(program: ProgramSpec): void {
  if (program.type !== 0) return;
  const known = [...new Set(sectionDefinitions.map((definition) => definition.prefix))];
  throw new BpfkitError(
    "LD024",
    `program ${program.name} is in section ${program.section}, which names no program type`,
    {
      hint: `Use SEC("kprobe/FUNCTION"), SEC("tracepoint/CATEGORY/NAME") or another of: ${known.slice(0, 20).join(", ")} ...`,
    },
  );
}
