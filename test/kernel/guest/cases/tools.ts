/** Guest tests of the bundled tools' own front ends against scripted work. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { toolByName } from "@bpfkit/tools";
import type { Tool } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { insertModule } from "./modules.ts";
import { namespaceFilterCase } from "./namespace-filter.ts";
import { execTrue } from "./probes.ts";

function toolNamed(name: string): Tool {
  const tool = toolByName(name);
  assert.ok(tool, name);
  return tool;
}

const execsnoop = toolNamed("execsnoop");
const opensnoop = toolNamed("opensnoop");
const biolatency = toolNamed("biolatency");

const reads = 23;

/** Makes a disk of 64 MiB without partitions out of memory, whose requests go through the multi-queue block layer. */
function insertDisk(): string {
  insertModule("null_blk", ["nr_devices=1", "gb=1", "memory_backed=0"]);
  return "/dev/nullb0";
}

function readFrom(disk: string): void {
  const words = [`if=${disk}`, "of=/dev/null", "bs=4096", `count=${reads}`, "iflag=direct"];
  execFileSync("/bin/dd", words, { stdio: "ignore" });
}

/** Tools. */
export const toolCases: readonly GuestCase[] = [
  {
    name: "execsnoop: seven execs with their arguments",
    tool: { tool: execsnoop, argv: [] },
    async run(guest) {
      // The processes run on both CPUs, and the argument events are joined with results that may come from the other one.
      const lines = await guest.trace(execsnoop, [], () => {
        for (let exec = 1; exec <= 7; exec++) execTrue(`number=${exec}`, "two words");
      });
      assert.match(lines[0] ?? "", /^PCOMM +PID +PPID +RET ARGS$/);
      const rows = lines.slice(1);
      assert.equal(rows.length, 7, lines.join("\n"));
      rows.forEach((row, index) => {
        const [, ppid, rest] = /^true +\d+ +(\d+) +0 (.*)$/.exec(row) ?? [];
        assert.equal(Number(ppid), process.pid, row);
        assert.equal(rest, `/bin/true number=${index + 1} two words`);
      });
    },
  },
  {
    name: "execsnoop -x: a failed exec too",
    tool: { tool: execsnoop, argv: ["-x"] },
    async run(guest) {
      const lines = await guest.trace(execsnoop, ["-x"], () => {
        assert.throws(() => execFileSync("/etc/guest-file", ["word"]), /EACCES/);
      });
      assert.equal(lines.length, 2, lines.join("\n"));
      assert.match(lines[1] ?? "", /-13 \/etc\/guest-file word$/);
    },
  },
  {
    name: "opensnoop: scripted opens, found and not found",
    tool: { tool: opensnoop, argv: [] },
    async run(guest) {
      const lines = await guest.trace(opensnoop, [], () => {
        for (let open = 0; open < 11; open++) closeSync(openSync("/etc/guest-file", "r"));
        for (let open = 0; open < 3; open++)
          assert.throws(() => openSync("/etc/no-guest-file", "r"), /ENOENT/);
      });
      assert.match(lines[0] ?? "", /^PID +COMM +FD +ERR PATH$/);
      const mine = lines.filter((line) => line.startsWith(`${process.pid} `) && line.includes("guest-file"));
      const found = mine.filter((line) => / +\d+ +0 \/etc\/guest-file$/.test(line));
      const missing = mine.filter((line) => / -1 +2 \/etc\/no-guest-file$/.test(line));
      assert.equal(found.length, 11, lines.join("\n"));
      assert.equal(missing.length, 3, lines.join("\n"));
      assert.equal(mine.length, 14);
    },
  },
  {
    name: `biolatency -d: ${reads} reads of a disk`,
    tool: { tool: biolatency, argv: ["-e", "-d", "nullb0"] },
    async run(guest) {
      const disk = insertDisk();
      const lines = await guest.trace(biolatency, ["-e", "-d", "nullb0"], () => readFrom(disk));
      const counts = lines.flatMap((line) => /^ +\d+ -> \d+ +: (\d+) +\|/.exec(line)?.slice(1) ?? []);
      const total = counts.reduce((sum, count) => sum + Number(count), 0);
      assert.equal(total, reads, lines.join("\n"));
      assert.match(lines.join("\n"), new RegExp(`count: ${reads}`));
      await assert.rejects(
        guest.trace(biolatency, ["-d", "nullb1"], () => {}),
        /there is no disk 'nullb1'/,
      );
    },
  },
  namespaceFilterCase(execsnoop, () => ({
    count: 5,
    line: (line) => line.includes("/bin/true"),
    work: () => {
      for (let exec = 1; exec <= 5; exec++) execTrue(`number=${exec}`);
    },
  })),
  namespaceFilterCase(opensnoop, () => ({
    count: 5,
    line: (line) => line.endsWith(" /etc/guest-file"),
    work: () => {
      for (let open = 0; open < 5; open++) closeSync(openSync("/etc/guest-file", "r"));
    },
  })),
];
