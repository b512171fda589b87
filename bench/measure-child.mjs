/** Runs one bpfkit command in this process and reports its peak memory in KiB on file descriptor 3. */
import { writeSync } from "node:fs";
import { main } from "../packages/cli/dist/main.js";

await main(process.argv.slice(2));
writeSync(3, `${process.resourceUsage().maxRSS}\n`);
