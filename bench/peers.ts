/**
 * `npm run bench:peers`: bpfkit beside BCC, libbpf-tools and bpftrace on Debian's 6.1 in QEMU, all in one run: time until a
 * program is attached, memory it holds then, events taken at saturation. Ratios are what to look at: everything is slower in
 * an emulated machine. With `--write`, puts the table into bench/README.md; `--only REGEXP` measures the parts whose names
 * match (test/kernel/guest/bench/parts.ts).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Builder } from "bpfkit/node";
import { corpus } from "../test/corpus/extraction.ts";
import { floods } from "../test/kernel/guest/bench/flood.ts";
import { type BenchPart, benchParts } from "../test/kernel/guest/bench/parts.ts";
import type { Measurement } from "../test/kernel/guest/bench/rows.ts";
import { matchingCases } from "../test/kernel/guest/guest-case.ts";
import { type GuestTools, guestTools, runGuest } from "../test/kernel/guest/machine.ts";
import { diskModules } from "../test/kernel/guest/peers/disk.ts";
import { peers } from "../test/kernel/guest/peers/packages.ts";
import { recordingFile } from "../test/kernel/guest/peers/record.ts";

const guestFolder = resolve(import.meta.dirname, "../test/kernel/guest");
const readme = join(import.meta.dirname, "README.md");
const marks = ["<!-- peers -->", "<!-- /peers -->"] as const;

const counter = `BPF_HASH(calls, u32);
int kprobe__vfs_read(void *ctx)
{
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    calls.increment(pid);
    return 0;
}
`;
const counterForBcc = `import time
from bcc import BPF
bpf = BPF(text=r"""${counter}""")
time.sleep(3600)
`;

async function measure(guest: GuestTools, only: string | undefined): Promise<Measurement[]> {
  const parts = matchingCases<BenchPart>(Object.values(benchParts), only);
  if (parts.length === 0) {
    const names = Object.values(benchParts).map(({ name }) => name);
    throw new Error(`nothing matches ${only}; the parts are: ${names.join(", ")}`);
  }
  const objects = new Map<string, Uint8Array>();
  const builder = new Builder();
  for (const [kind, text] of Object.entries(floods))
    objects.set(`${kind}.o`, (await builder.build({ file: "flood.c", text })).object);
  await builder.close();
  const files = new Map<string, string>([
    ["peers-input/counter.c", counter],
    ["peers-input/counter.py", counterForBcc],
    ["peers-input/flood_bcc.py", readFileSync(join(guestFolder, "bench/flood_bcc.py"), "utf8")],
    ...Object.entries(floods).map(([kind, text]): [string, string] => [`peers-input/${kind}.c`, text]),
  ]);
  const machine = peers(guest.kernel.release);
  // Compiling is no part of a flood; where starts are measured, BCC compiles in the guest.
  const texts = Object.entries(floods).map(([name, text]) => ({ name, text, cflags: [] }));
  const tools = corpus({ variants: false, only: ["opensnoop"] });
  const sources = [
    ...texts,
    ...tools.map(({ name, text }) => ({ name: `front end ${name}`, text, cflags: [], frontEnd: true })),
    // opensnoop compiles it to ask for symbols.
    { name: "empty", text: "", cflags: [] },
  ];
  files.set("peers-input/recording.jsonl", readFileSync(recordingFile(machine, sources), "utf8"));
  for (const script of ["bcc_recording.py", "bcc_tool.py"])
    files.set(`peers-input/${script}`, readFileSync(join(guestFolder, "peers", script), "utf8"));
  const run = await runGuest(guest, {
    agent: "bench-agent",
    objects,
    files,
    kernelModules: diskModules,
    cachedRuns: parts.flatMap(({ cachedRuns = [] }) => cachedRuns),
    hasCompiler: parts.some(({ compiles = false }) => compiles),
    disk: machine.disk,
    memory: 4096,
    limitMs: Number(process.env["BPFKIT_BENCH_MINUTES"] ?? 60) * 60_000,
    ...(only === undefined ? {} : { only }),
  });
  const rows = run.reports.flatMap((line) => (line.kind === "measurement" ? [line] : []));
  if (run.hung)
    console.log("stopped before the end: BPFKIT_BENCH_MINUTES are over; what follows was measured before");
  else if (!run.reports.some(({ kind }) => kind === "done")) throw new Error(run.console.slice(-3000));
  return rows;
}

/** A Markdown table: for each thing measured, every program's number and its ratio to bpfkit's first. */
function table(rows: readonly Measurement[]): string {
  const lines = ["| what | who | value | bpfkit's value / this one |", "|---|---|---|---|"];
  for (const what of new Set(rows.map((row) => row.what))) {
    const same = rows.filter((row) => row.what === what);
    const ours = same.find(({ who }) => who.startsWith("bpfkit"))?.value ?? Number.NaN;
    for (const { who, value, unit } of same) {
      const ratio = value === 0 ? "" : (ours / value).toFixed(2);
      lines.push(`| ${what} | ${who} | ${Math.round(value).toLocaleString("en")} ${unit} | ${ratio} |`);
    }
  }
  return lines.join("\n");
}

const { values: flags } = parseArgs({
  options: { write: { type: "boolean", default: false }, only: { type: "string" } },
});
if (flags.write && flags.only !== undefined) throw new Error("--write is for whole tables");
const tools = guestTools();
if (tools === undefined) process.exitCode = 1;
else {
  const when = new Date().toISOString().slice(0, 10);
  const where = `${when}, Linux ${tools.kernel.release} with 2 CPUs in QEMU (TCG) on ${cpus().length} x ${cpus()[0]?.model}`;
  const text = `${where}, Node ${process.version}\n\n${table(await measure(tools, flags.only))}\n`;
  console.log(text);
  if (flags.write) {
    const old = readFileSync(readme, "utf8");
    const [before = "", rest = ""] = old.split(marks[0]);
    writeFileSync(readme, `${before}${marks[0]}\n${text}${marks[1]}${rest.split(marks[1])[1] ?? ""}`);
  }
}
