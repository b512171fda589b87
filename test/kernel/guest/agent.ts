/** Runs inside the guest: the cases of what bpfkit attaches and reads, or those of them that the host asks for. */
import { casesOf } from "./cases/index.ts";
import { guestParameter, kernelParameter, matchingCases, onlyParameter } from "./guest-case.ts";
import { runCases } from "./run-cases.ts";

const kernel = guestParameter(kernelParameter) === "backports" ? "backports" : "stable";
await runCases(matchingCases(casesOf(kernel), guestParameter(onlyParameter)));
process.exit(0);
