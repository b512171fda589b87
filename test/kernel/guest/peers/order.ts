/** What a guest with the peers gets from the host: their disk, objects, texts and scripts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Builder } from "bpfkit/node";
import { type CorpusProgram, corpus } from "../../../corpus/extraction.ts";
import type { GuestOrder, GuestTools } from "../machine.ts";
import { diskModules } from "./disk.ts";
import type { HarnessProgram } from "./observed-program.ts";
import { peers } from "./packages.ts";
import { recordingFile } from "./record.ts";
import { sharedTools } from "./side-by-side.ts";
import { watchedTools } from "./watched-tools.ts";

/** Two minutes where the machine has nothing else to do. */
const limitMs = 1_200_000;

/** What a guest with the peers can compare. */
export type PeerPart = "events" | "front-ends";

/** The texts that both sides run. */
function watchedPrograms(): CorpusProgram[] {
  const names = new Set(watchedTools.map(({ name }) => name));
  const tools = new Set([...names].map((name) => name.replace(/--.*/, "")));
  const programs = corpus({ variants: true, only: [...tools].sort() }).filter(({ name }) => names.has(name));
  if (programs.length !== names.size)
    throw new Error(`the corpus has ${programs.length} of ${names.size} tools`);
  return programs;
}

/** Builds everything and gives the order for {@link runGuest}. */
export async function peerOrder(tools: GuestTools, parts: readonly PeerPart[]): Promise<GuestOrder> {
  const programs = watchedPrograms();
  const objects = new Map<string, Uint8Array>();
  const builder = new Builder();
  try {
    for (const { name, text, defines } of programs)
      objects.set(`${name}.o`, (await builder.build({ file: `${name}.c`, text }, defines)).object);
  } finally {
    await builder.close();
  }
  const harness: HarnessProgram[] = programs.map(({ name, text, defines, attaches }) => ({
    name,
    text,
    cflags: defines.map((define) => `-D${define}`),
    attaches,
  }));
  const script = (name: string): [string, string] => [
    `peers-input/${name}`,
    readFileSync(join(import.meta.dirname, name), "utf8"),
  ];
  const machine = peers(tools.kernel.release);
  // opensnoop compiles an empty text to ask for symbols.
  const frontEnds = corpus({ variants: false }).filter(({ name }) =>
    sharedTools.some((tool) => tool.name === name),
  );
  const recorded = recordingFile(machine, [
    ...harness,
    ...frontEnds.map(({ name, text }) => ({ name: `front end ${name}`, text, cflags: [], frontEnd: true })),
    { name: "empty", text: "", cflags: [] },
  ]);
  const files = new Map([
    ["peers-input/recording.jsonl", readFileSync(recorded, "utf8")],
    ["peers-input/parts", parts.join(" ")],
    ["peers-input/programs.json", JSON.stringify(harness)],
    script("bcc_harness.py"),
    script("bcc_recording.py"),
    script("bcc_tool.py"),
    script("workload.py"),
  ]);
  const kernelModules = [...diskModules, "null_blk"];
  const cachedRuns = parts.includes("front-ends")
    ? sharedTools.map(({ name }) => ({ words: [name], folder: "." }))
    : [];
  return {
    agent: "peer-agent",
    kernelModules,
    cachedRuns,
    objects,
    files,
    disk: machine.disk,
    memory: 3072,
    limitMs,
  };
}
