/** Runs inside the guest: BCC's side of the comparison, a Python process for each share of the programs. */

import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { report } from "../run-cases.ts";
import { peersRoot, spawnPeer } from "./disk.ts";
import type { HarnessProgram, Observations } from "./observed-program.ts";

/** A line of bcc_harness.py. */
type HarnessLine =
  | { readonly ready: string; readonly seconds: number }
  | { readonly failed: string; readonly error: string }
  | { readonly attached: number }
  | Observations;

/** One Python process with several programs. */
export class BccHarness {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;
  /** Programs that BCC cannot run, and why. */
  readonly failures = new Map<string, string>();
  #attached = 0;

  constructor(programs: readonly HarnessProgram[], index: number) {
    writeFileSync(`${peersRoot}/tmp/programs-${index}.json`, JSON.stringify(programs));
    this.#child = spawnPeer([
      "/usr/bin/python3",
      "/tmp/bcc_harness.py",
      `/tmp/programs-${index}.json`,
      "/tmp/recording.jsonl",
    ]);
    const { stdout } = this.#child;
    if (stdout === null) throw new Error("no pipe");
    this.#interface = createInterface({ input: stdout });
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Waits until everything is compiled and attached. */
  async attached(): Promise<void> {
    for (;;) {
      const line = await this.#next();
      if ("ready" in line)
        report({ kind: "start", name: `BCC runs ${line.ready} after ${line.seconds.toFixed(0)} s` });
      if ("failed" in line) this.failures.set(line.failed, line.error);
      if (!("attached" in line)) continue;
      this.#attached = line.attached;
      return;
    }
  }

  /** Stops and gives what each program has seen. */
  async finish(): Promise<Observations[]> {
    this.#child.stdin?.write("stop\n");
    const found: Observations[] = [];
    while (found.length < this.#attached) {
      const line = await this.#next();
      if ("name" in line) found.push(line);
    }
    this.#child.kill("SIGKILL");
    this.#interface.close();
    return found;
  }

  async #next(): Promise<HarnessLine> {
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error("BCC's process ended");
    return JSON.parse(value) as HarnessLine;
  }
}
