/** Runs inside the guest: the cases of what bpfkit attaches and reads, or those of them that the host asks for. */
import { readFileSync } from "node:fs";
import { guestCases } from "./cases/index.ts";
import { matchingCases, onlyParameter } from "./guest-case.ts";
import { runCases } from "./run-cases.ts";

const words = readFileSync("/proc/cmdline", "utf8").trim().split(" ");
const word = words.find((each) => each.startsWith(onlyParameter));
const only = word === undefined ? undefined : decodeURIComponent(word.slice(onlyParameter.length));

await runCases(matchingCases(guestCases, only));
process.exit(0);
