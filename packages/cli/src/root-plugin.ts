/**
 * The command line as oclif takes it: one plugin, given to it whole. Left to itself oclif looks for the commands' modules on
 * disk, which there are none of in the bundle.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Interfaces } from "@oclif/core";
import type { Command } from "@oclif/core/command";
import { loadCommands } from "./commands.ts";

/** oclif's options for a command line. Only the commands that it needs are in it. */
export async function oclifOptions(argv: readonly string[]): Promise<Interfaces.LoadOptions> {
  const manifest = new URL("../package.json", import.meta.url);
  const pjson = JSON.parse(readFileSync(manifest, "utf8")) as Interfaces.PJSON;
  const root = dirname(fileURLToPath(manifest));
  const classes = await loadCommands(argv);
  const plugin: Interfaces.Plugin = {
    _base: "",
    alias: pjson.name,
    commands: [...classes].map(([id, command]) => loadable(id, command)),
    commandIDs: [...classes.keys()],
    commandsDir: undefined,
    findCommand: (async (id: string) => classes.get(id)) as Interfaces.Plugin["findCommand"],
    hasManifest: false,
    hooks: {},
    isRoot: true,
    load: async () => {},
    moduleType: "module",
    name: pjson.name,
    options: { root },
    pjson,
    root,
    topics: [],
    type: "core",
    valid: true,
    version: pjson.version,
  };
  return { root, pjson, plugins: new Map([[plugin.name, plugin]]) };
}

function loadable(id: string, command: Command.Class): Command.Loadable {
  command.id = id;
  const { summary, description, usage, examples } = command;
  return {
    aliases: [],
    args: named(command.args),
    flags: named(command.flags),
    hasDynamicHelp: false,
    hidden: command.hidden ?? false,
    hiddenAliases: [],
    id,
    strict: command.strict,
    ...(summary === undefined ? {} : { summary }),
    ...(description === undefined ? {} : { description }),
    ...(usage === undefined ? {} : { usage }),
    ...(examples === undefined ? {} : { examples }),
    load: async () => command,
  };
}

/** Each with its name, as oclif's help asks for it. */
function named<T extends object>(parts: Readonly<Record<string, T>>): Record<string, T & { name: string }> {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, { ...part, name }]));
}
