#!/usr/bin/env node
/** `copy` puts the repository's templates into the package of the command while that is packed; `remove` takes them away. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const target = join(root, "packages/cli/templates");

if (process.argv[2] === "copy") cpSync(join(root, "templates"), target, { recursive: true });
else rmSync(target, { recursive: true, force: true });
