/** The commands, for oclif's explicit strategy: the one that the command line names, or all of them where it names none. */
import type { Command } from "@oclif/core/command";

const loaders: Readonly<Record<string, () => Promise<Command.Class>>> = {
  btf: async () => (await import("./commands/btf.ts")).Btf,
  build: async () => (await import("./commands/build.ts")).Build,
  feature: async () => (await import("./commands/feature.ts")).Feature,
  inspect: async () => (await import("./commands/inspect.ts")).Inspect,
  link: async () => (await import("./commands/link.ts")).Link,
  map: async () => (await import("./commands/map.ts")).MapCommand,
  new: async () => (await import("./commands/new.ts")).New,
  prog: async () => (await import("./commands/prog.ts")).Prog,
  rewrite: async () => (await import("./commands/rewrite.ts")).Rewrite,
  run: async () => (await import("./commands/run.ts")).Run,
};

/** The names of all commands. */
export const commandNames: readonly string[] = Object.keys(loaders);

const named = process.argv.slice(2).find((word) => !word.startsWith("-") && word !== "help");
const wanted = named !== undefined && commandNames.includes(named) ? [named] : commandNames;

/** Name -> command class. oclif describes each to itself before it runs one, so the others are left out. */
export const commands: Readonly<Record<string, Command.Class | undefined>> = Object.fromEntries(
  await Promise.all(wanted.map(async (name) => [name, await loaders[name]?.()] as const)),
);
