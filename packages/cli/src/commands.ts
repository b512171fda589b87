/** The commands, for oclif's explicit strategy. */
import { Build } from "./commands/build.ts";
import { Inspect } from "./commands/inspect.ts";
import { New } from "./commands/new.ts";
import { Rewrite } from "./commands/rewrite.ts";
import { Run } from "./commands/run.ts";

/** Name -> command class. */
export const commands = { build: Build, inspect: Inspect, new: New, rewrite: Rewrite, run: Run };
