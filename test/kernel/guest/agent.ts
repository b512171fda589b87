/** Runs inside the guest: the cases of what bpfkit attaches and reads. */
import { guestCases } from "./cases/index.ts";
import { runCases } from "./run-cases.ts";

await runCases(guestCases);
process.exit(0);
