/** The commands, for oclif's explicit strategy. */
import { Btf } from "./commands/btf.ts";
import { Build } from "./commands/build.ts";
import { Feature } from "./commands/feature.ts";
import { Inspect } from "./commands/inspect.ts";
import { Link } from "./commands/link.ts";
import { MapCommand } from "./commands/map.ts";
import { New } from "./commands/new.ts";
import { Prog } from "./commands/prog.ts";
import { Rewrite } from "./commands/rewrite.ts";
import { Run } from "./commands/run.ts";

/** Name -> command class. */
export const commands = {
  btf: Btf,
  build: Build,
  feature: Feature,
  inspect: Inspect,
  link: Link,
  map: MapCommand,
  new: New,
  prog: Prog,
  rewrite: Rewrite,
  run: Run,
};
