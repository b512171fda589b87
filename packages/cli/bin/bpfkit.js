#!/usr/bin/env node
import { main } from "../dist/main.js";

// oclif looks for the user's shell, and fails for users without an entry in passwd, as containers have them.
process.env.SHELL ??= "/bin/sh";

await main(process.argv.slice(2));
