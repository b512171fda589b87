/** `bpfkit feature` as text. */
import type { FeatureReport } from "bpfkit";

const yes = (value: boolean | null): string => (value === null ? "not known" : value ? "yes" : "no");

/** Rows of a name and what was found, in columns. */
function rows(facts: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, found]) => `  ${name.padEnd(width)}  ${found}`.trimEnd());
}

/** `have_kprobe_prog_type` as `kprobe`. */
const bare = (name: string): string => name.replace(/^have_|_(?:prog|map)_type$/g, "");

/** The report, a line each. Helpers are listed where they were asked for. */
export function featureLines(report: FeatureReport): string[] {
  const { privileges, event_sources, system_config, program_types, map_types, misc, features } = report;
  const known = Object.entries(system_config);
  const hasConfig = known.some(([name, value]) => name.startsWith("CONFIG_") && value !== null);
  const width = Math.max(...Object.values(features).map(({ supported }) => yes(supported).length));
  return [
    report.kernel,
    "",
    "PRIVILEGES",
    ...rows([
      ["capabilities", privileges.capabilities.join(" ") || "none"],
      ["seccomp", privileges.seccomp],
      ["lockdown", privileges.lockdown ?? lockdownUnknown(report)],
      ["kernel.perf_event_paranoid", String(privileges.perf_event_paranoid ?? "unknown")],
      ["kernel.kptr_restrict", String(privileges.kptr_restrict ?? "unknown")],
    ]),
    "",
    "EVENT SOURCES",
    ...rows(Object.entries(event_sources).map(([name, found]) => [name.replace("_", " "), yes(found)])),
    "",
    "FILE SYSTEMS",
    ...rows(Object.entries(report.file_systems ?? {}).map(([type, place]) => [type, place ?? "not mounted"])),
    ...obstacleLines(report),
    "",
    "SYSTEM",
    ...rows(known.map(([name, value]) => [name, value === null ? unset(name, hasConfig) : String(value)])),
    "",
    "PROGRAM TYPES",
    ...rows(
      Object.entries(program_types).map(([name, found]) => [
        bare(name),
        yes(found) + helperCount(report, bare(name)),
      ]),
    ),
    "",
    "MAP TYPES",
    ...rows(Object.entries(map_types).map(([name, found]) => [bare(name), yes(found)])),
    "",
    "FEATURES (with the first Linux release that has each)",
    ...rows(
      Object.entries(features).map(([name, { supported, since, description }]) => [
        name,
        `${yes(supported).padEnd(width)}  ${since.padEnd(5)} ${description}`,
      ]),
    ),
    "",
    "VERIFIER",
    ...rows(Object.entries(misc).map(([name, found]) => [bare(name).replaceAll("_", " "), yes(found)])),
    ...helperLines(report),
  ];
}

/** A sysctl that is not there cannot be read; an option is not set where there is a configuration at all. */
function unset(name: string, hasConfig: boolean): string {
  return name.startsWith("CONFIG_") && hasConfig ? "not set" : "not known";
}

function lockdownUnknown({ file_systems }: FeatureReport): string {
  return file_systems?.securityfs === null ? "not known" : "not in this kernel";
}

/** What is missing, with what to do, as the message of a failure would say it. */
function obstacleLines({ obstacles }: FeatureReport): string[] {
  if (obstacles.length === 0) return [];
  const lines = obstacles.flatMap(({ code, message, hint }) => [
    `  ${message}${code === null ? "" : ` [${code}]`}`,
    ...(hint === null ? [] : [`    hint: ${hint}`]),
  ]);
  return ["", "IN THE WAY", ...lines];
}

function helperCount({ helpers }: FeatureReport, type: string): string {
  const list = helpers?.[`${type}_available_helpers`];
  return list === undefined || list.length === 0 ? "" : `, ${list.length} helpers`;
}

function helperLines({ helpers }: FeatureReport): string[] {
  if (helpers === undefined) return ["", "Helpers of each program type: add --helpers."];
  return Object.entries(helpers).flatMap(([name, list]) => {
    if (list.length === 0) return [];
    return ["", `HELPERS OF ${name.replace("_available_helpers", "")}`, ...list.map((each) => `  ${each}`)];
  });
}
