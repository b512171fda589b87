/** `bpfkit link`: what is attached on this machine through links. */
import type { Kernel } from "@bpfkit/base/kernel";
import { describeLoadedLink, eachObject, type LoadedLink, type Selector, selectedObjects } from "bpfkit";
import { type Findings, oneOrAll } from "./open.ts";
import { Words } from "./words.ts";

/** How the command is written. */
export const linkUsage = `link list
link show [LINK]
  LINK: id N | pinned FILE`;

const ways: readonly Selector["by"][] = ["id", "pinned"];

/** Runs the command. @throws UsageError, BpfkitError KO0xx */
export function findLinks(kernel: Kernel, argv: readonly string[]): Findings {
  const words = new Words(argv, `bpfkit ${linkUsage.replaceAll("\n", "\nbpfkit ")}`);
  words.choice("command of link", ["list", "show"], "list");
  const selector = words.selector(ways);
  words.end();
  const describe = (fd: Parameters<typeof describeLoadedLink>[1]) => describeLoadedLink(kernel, fd);
  const links =
    selector === undefined
      ? eachObject(kernel, "link", describe)
      : selectedObjects(kernel, "link", selector, describe);
  return { json: oneOrAll(selector, links), lines: () => links.flatMap(linkLines) };
}

/** Facts that stand on the first line; the others follow on lines of their own, as bpftool breaks them. */
function linkLines(link: LoadedLink): string[] {
  const { id, type, prog_id, ...rest } = link;
  const owner = type === "struct_ops" ? `map ${link["map_id"]}` : `prog ${prog_id}`;
  const lines = [`${id}: ${type}  ${owner}  `];
  const facts = (names: readonly (readonly [string, string])[]): string =>
    names
      .filter(([name]) => rest[name] !== undefined)
      .map(([name, label]) => `${label}${String(rest[name])}  `)
      .join("");
  const first = facts([
    ["prog_type", "prog_type "],
    ["cgroup_id", "cgroup_id "],
    ["netns_ino", "netns_ino "],
    ["ifindex", "ifindex "],
    ["target_name", "target_name "],
    ["map_id", "map_id "],
    ["pf", "pf "],
    ["hook", "hook "],
    ["prio", "prio "],
    ["attach_type", "attach_type "],
  ]);
  if (link["tp_name"] !== undefined) lines.push(`\ttp '${String(link["tp_name"])}'  `);
  else if (type !== "struct_ops" && first !== "") lines.push(`\t${first}`);
  if (rest["func_cnt"] !== undefined) {
    const kind = `${rest["retprobe"] === true ? "ret" : ""}${type.replace("_", ".")}`;
    lines.push(`\t${kind}  func_cnt ${String(rest["func_cnt"])}  `);
  }
  const target = facts([
    ["target_obj_id", "target_obj_id "],
    ["target_btf_id", "target_btf_id "],
  ]);
  if (target !== "") lines.push(`\t${target}`);
  return lines;
}
