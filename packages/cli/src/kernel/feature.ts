/** `bpfkit feature` as text. */
import type { FeatureReport } from "bpfkit";

const yes = (value: boolean): string => (value ? "yes" : "no");

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
  return [
    report.kernel,
    "",
    "PRIVILEGES",
    ...rows([
      ["capabilities", privileges.capabilities.join(" ") || "none"],
      ["seccomp", privileges.seccomp],
      ["lockdown", privileges.lockdown ?? "not in this kernel"],
      ["kernel.perf_event_paranoid", String(privileges.perf_event_paranoid ?? "unknown")],
      ["kernel.kptr_restrict", String(privileges.kptr_restrict ?? "unknown")],
    ]),
    "",
    "EVENT SOURCES",
    ...rows(Object.entries(event_sources).map(([name, found]) => [name.replace("_", " "), yes(found)])),
    "",
    "SYSTEM",
    ...rows(known.map(([name, value]) => [name, value === null ? "not set" : String(value)])),
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
        `${yes(supported).padEnd(3)}  ${since.padEnd(5)} ${description}`,
      ]),
    ),
    "",
    "VERIFIER",
    ...rows(Object.entries(misc).map(([name, found]) => [bare(name).replaceAll("_", " "), yes(found)])),
    ...helperLines(report),
  ];
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
