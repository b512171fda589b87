/** Runs BCC's front end on this machine: in the peers' root folder, against the headers of the guest's kernel. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { loadBundledProfile } from "bpfkit/node";
import type { Peers } from "./packages.ts";

/** A text for BCC. */
export interface BccSource {
  readonly name: string;
  readonly text: string;
  readonly cflags: readonly string[];
  /** True for the text as the tool itself gives it to BCC, with its filter of containers. */
  readonly frontEnd?: boolean;
}

/** What BCC made of one text; see bcc_recording.py. */
export interface Recording {
  readonly name: string;
  /** BCC's standard error, with the rewritten text in it. */
  readonly output: string;
  /** Null where BCC fails. */
  readonly module: unknown;
}

const script = join(import.meta.dirname, "bcc_recording.py");

/** Why BCC's front end cannot run here; undefined where it can. */
export function whyNoRecording(): string | undefined {
  return process.getuid?.() === 0 ? undefined : "BCC runs in a root folder of its own, which needs root";
}

/**
 * The file of recordings, one JSON line each; kept for the next run of the same texts.
 * BCC creates the maps of each text in this machine's kernel, and nothing else there.
 */
export function recordingFile({ root }: Peers, sources: readonly BccSource[]): string {
  const text = JSON.stringify(sources);
  const code = [script, import.meta.filename].map((path) => readFileSync(path, "utf8"));
  const identity = createHash("sha256").update(code.join()).update(text).digest("hex");
  const result = join(dirname(root), `bcc-${identity.slice(0, 16)}.jsonl`);
  if (existsSync(result)) return result;
  writeKernelFacts(root);
  const folder = mkdtempSync(join(root, "tmp/record-"));
  try {
    copyFileSync(script, join(folder, "bcc_recording.py"));
    writeFileSync(join(folder, "programs.json"), text);
    const inside = join("/tmp", basename(folder));
    const words = [root, "/usr/bin/python3", join(inside, "bcc_recording.py"), join(inside, "programs.json")];
    const output = execFileSync("chroot", words, {
      env: {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        BCC_KERNEL_SOURCE: "/usr/src/headers",
        PYTHONDONTWRITEBYTECODE: "1",
      },
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 1 << 30,
    });
    writeFileSync(join(folder, "result"), output);
    renameSync(join(folder, "result"), result);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}

/**
 * What BCC's front end looks up in a running kernel, as the guest's kernel has it: what tracepoints look like (the profile
 * has their texts), and whether there are separate helpers for reading the kernel's and the user's memory.
 */
function writeKernelFacts(root: string): void {
  writeFileSync(join(root, "proc/kallsyms"), "ffffffff81000000 T bpf_probe_read_kernel\n");
  const folder = join(root, "sys/kernel/debug/tracing/events");
  for (const [name, format] of loadBundledProfile().tracepointFormats) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "format"), format);
  }
}

/** The recordings by name. */
export function recordings(file: string): Map<string, Recording> {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return new Map(
    lines.map((line) => {
      const recording = JSON.parse(line) as Recording;
      return [recording.name, recording];
    }),
  );
}
