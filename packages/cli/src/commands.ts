/** The commands by name, each loaded when it is asked for. */
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

/** Loads the command that a command line names, or all of them where it names none. */
export async function loadCommands(argv: readonly string[]): Promise<ReadonlyMap<string, Command.Class>> {
  const named = argv.find((word) => !word.startsWith("-"));
  const wanted = named !== undefined && Object.hasOwn(loaders, named) ? [named] : commandNames;
  const loaded = new Map<string, Command.Class>();
  for (const name of wanted) {
    const command = await loaders[name]?.();
    if (command !== undefined) loaded.set(name, command);
  }
  return loaded;
}
