#!/usr/bin/env node
/**
 * The test command: installs the native oracles where it can, then runs every workspace's tests through turbo,
 * adds up what uvu counted and prints `N passed, N failed` as the last line. Exit code 1 on any failure.
 *
 * Options: `--no-install` leaves the machine as it is; `--force` ignores turbo's cache; a workspace's folder name
 * (`elf`, `test`) runs that one only.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const names = process.argv.slice(2).filter((word) => !word.startsWith("--"));

/** Every workspace that has a test script: [package name, folder]. */
function workspaces() {
  const folders = [...readdirSync(join(root, "packages")).map((name) => join("packages", name)), "test"];
  return folders
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .map((folder) => [JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")), folder])
    .filter(([manifest]) => manifest.scripts?.test !== undefined)
    .map(([manifest, folder]) => [manifest.name, folder]);
}

if (!flags.includes("--no-install")) {
  const install = spawnSync("sh", [join(root, "scripts/install-test-tools.sh")], { stdio: "inherit" });
  if (install.status !== 0) {
    if (process.env.CI !== undefined) {
      console.error("The test tools could not be installed; in CI nothing may be skipped.");
      process.exit(1);
    }
    console.error("SKIPPED: checks against native tools that are not installed (each is named below).");
  }
}

/** Which oracles are there: what a run without one has passed is no answer for a run with it. */
function oracles() {
  const names = ["clang-19", "llvm-objdump-19", "bpftool", "qemu-system-x86_64", "busybox", "cpio"];
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin"];
  return names.filter((name) => folders.some((folder) => existsSync(join(folder, name)))).join(" ");
}

for (const step of [
  [join(root, "node_modules/typescript/bin/tsc"), "-b"],
  [join(root, "scripts/bundle/bundle.mjs")],
]) {
  const build = spawnSync(process.execPath, step, { cwd: root, stdio: "inherit" });
  if (build.status !== 0) {
    console.error("The sources do not compile; no test was run.");
    process.exit(1);
  }
}

const all = workspaces();
const chosen =
  names.length === 0 ? all : all.filter(([, folder]) => names.includes(folder.split("/").at(-1)));
if (chosen.length === 0) {
  console.error(
    `No workspace is named ${names.join(", ")}. There are: ${all.map(([, folder]) => folder).join(", ")}`,
  );
  process.exit(2);
}

const turbo = join(root, "node_modules/.bin/turbo");
const words = ["run", "test", "--concurrency=2", "--continue", "--ui=stream", "--log-prefix=task"];
words.push("--output-logs=full", "--no-update-notifier");
if (flags.includes("--force")) words.push("--force");
for (const [name] of chosen) words.push(`--filter=${name}`);
const environment = {
  ...process.env,
  BPFKIT_ORACLES: oracles(),
  TURBO_TELEMETRY_DISABLED: "1",
  NO_COLOR: "1",
  FORCE_COLOR: "0",
};
const child = spawn(turbo, words, { cwd: root, env: environment, stdio: ["ignore", "pipe", "pipe"] });

/** Per package: what uvu's closing lines said. */
const totals = new Map();
const skips = new Set();
let rest = "";
function take(chunk, sink) {
  sink.write(chunk);
  rest += chunk;
  const lines = rest.split("\n");
  rest = lines.pop();
  for (const line of lines) readLine(line);
}
function readLine(line) {
  const skip = /SKIPPED: .*/.exec(line);
  if (skip !== null) skips.add(skip[0]);
  const count = /^(\S+?):test:\s+(Total|Passed|Skipped):\s+(\d+)\s*$/.exec(line);
  if (count === null) return;
  const [, name, what, number] = count;
  const entry = totals.get(name) ?? { Total: 0, Passed: 0, Skipped: 0 };
  entry[what] += Number(number);
  totals.set(name, entry);
}
child.stdout.setEncoding("utf8").on("data", (chunk) => take(chunk, process.stdout));
child.stderr.setEncoding("utf8").on("data", (chunk) => take(chunk, process.stderr));
child.on("close", (status) => {
  readLine(rest);
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const [name, folder] of chosen) {
    const entry = totals.get(name);
    if (entry === undefined) {
      console.log(`${folder}: ran no test, or died before counting`);
      failed += 1;
      continue;
    }
    passed += entry.Passed;
    skipped += entry.Skipped;
    failed += entry.Total - entry.Passed - entry.Skipped;
  }
  if (status !== 0 && failed === 0) failed = 1;
  for (const line of skips) console.log(line);
  if (process.env.CI !== undefined && skips.size > 0) {
    console.error("In CI nothing may be skipped.");
    failed += skips.size;
  }
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
});
