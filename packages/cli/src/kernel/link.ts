/** `bpfkit link`: what is attached on this machine through links. */
import type { Kernel } from "@bpfkit/base/kernel";
import { describeLoadedLink, eachObject, type Selector, selectedObjects } from "bpfkit";
import { linkLines } from "./link-lines.ts";
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
