/** Gets the C texts of BCC's tools from Debian's bpfcc-tools, by running each tool with a recording `bcc` module. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { findTool } from "../support/native-tools.ts";

const here = import.meta.dirname;
const extractor = join(here, "extract_corpus.py");

const debianPackage = "bpfcc-tools";

/** The release that the golden data are of (Debian 12 and 13 have it). */
const goldenRelease = "0.26.0+ds-1";

/** One program of the corpus. */
export interface CorpusProgram {
  /** Tool, or `TOOL--VARIANT`. */
  readonly name: string;
  readonly text: string;
  /** `NAME=VALUE` from the tool's compiler flags. */
  readonly defines: readonly string[];
  readonly attaches: readonly Attachment[];
}

/** How the tool attaches a program of its text. */
export interface Attachment {
  readonly kind: string;
  readonly fn_name: string;
  /** A kernel function. */
  readonly event?: string;
  /** A pattern of them. */
  readonly event_re?: string;
}

/** Which programs to get. */
export interface CorpusRequest {
  /** False: each tool with its default options only. */
  readonly variants: boolean;
  /** Tools, by name; all where empty. */
  readonly only?: readonly string[];
}

/** What is missing on this machine to get the corpus, or undefined. */
export function whyNoCorpus(): string | undefined {
  const missing = ["apt-get", "dpkg-deb", "python3"].filter((tool) => findTool(tool) === undefined);
  return missing.length === 0
    ? undefined
    : `${missing.join(", ")} missing: the corpus comes from Debian's ${debianPackage}`;
}

/** Where downloads and extracted texts are kept between runs. */
function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "bpfkit", "corpus");
}

/**
 * The corpus; from the cache where the same package and extractor made it before.
 * @param say Told what takes time.
 * @throws Error where the package cannot be downloaded, or is another release.
 */
export function corpus(request: CorpusRequest, say: (line: string) => void = () => {}): CorpusProgram[] {
  const tools = installedTools(say);
  const textsOf = ({ variants, only = [] }: CorpusRequest): string => {
    const identity = createHash("sha256")
      .update(readFileSync(extractor))
      .update(`${tools}\0${variants}\0${only.join(",")}`)
      .digest("hex");
    return join(cacheFolder(), `texts-${identity.slice(0, 16)}`);
  };
  const { variants, only = [] } = request;
  const whole = [textsOf({ variants: true }), ...(variants ? [] : [textsOf({ variants: false })])].find(
    existsSync,
  );
  if (whole !== undefined) {
    const wanted = new Set(only);
    return readTexts(whole).filter(
      ({ name }) =>
        (variants || !name.includes("--")) &&
        (wanted.size === 0 || wanted.has(name.replace(/(?:--|\.).*/, ""))),
    );
  }
  const texts = textsOf(request);
  if (!existsSync(texts)) {
    say("extracting the tools' C");
    atomically(texts, (folder) => extract(tools, folder, request));
  }
  return readTexts(texts);
}

/**
 * Every program of a BCC source tree: tools with their variants, examples, and the tests in Python and C++.
 * @param tree Folder of the tree, which holds `tools`, `examples` and `tests`.
 */
export function treeCorpus(tree: string, say: (line: string) => void = () => {}): CorpusProgram[] {
  const identity = createHash("sha256")
    .update(readFileSync(extractor))
    .update(`${tree}\0${statSync(tree).mtimeMs}`)
    .digest("hex");
  const texts = join(cacheFolder(), `tree-${identity.slice(0, 16)}`);
  if (!existsSync(texts)) {
    say("extracting the programs of the tree; this takes minutes");
    atomically(texts, (folder) =>
      runExtractor(["tree", "--bcc", tree, "--variants", "all", "-o", folder], folder),
    );
  }
  return readTexts(texts, true);
}

/** The unpacked tools, downloaded where they are not in the cache. */
function installedTools(say: (line: string) => void): string {
  const folder = join(cacheFolder(), debianPackage);
  if (!existsSync(folder)) {
    say(`downloading ${debianPackage}`);
    atomically(folder, (target) => {
      const run = (program: string, args: readonly string[]) =>
        execFileSync(program, args, { cwd: target, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
      run("apt-get", ["-q", "download", debianPackage]);
      const archive = readdirSync(target).find((name) => name.endsWith(".deb"));
      if (archive === undefined) throw new Error(`apt-get download ${debianPackage} gave no package`);
      if (!decodeURIComponent(archive).includes(`_${goldenRelease}_`))
        throw new Error(`the golden data are of ${debianPackage} ${goldenRelease}; apt offers ${archive}`);
      run("dpkg-deb", ["-x", archive, "root"]);
      rmSync(join(target, archive));
    });
  }
  return join(folder, "root/usr/sbin");
}

function extract(tools: string, target: string, { variants, only = [] }: CorpusRequest): void {
  const args = ["tools", tools, "-o", target, "--variants", variants ? "all" : "none"];
  runExtractor([...args, ...(only.length === 0 ? [] : ["--only", only.join(",")])], target);
}

/** Runs the recorder with the facts of the kernel whose answers the tools get. */
function runExtractor(args: readonly string[], target: string): void {
  const facts = join(target, "kernel.json");
  execFileSync("sh", [
    "-c",
    'gunzip -c "$1" > "$2"',
    "sh",
    join(here, "linux-6.1.0-56-cloud-amd64.json.gz"),
    facts,
  ]);
  execFileSync("python3", [extractor, ...args, "--profile", facts], {
    stdio: ["ignore", "ignore", "pipe"],
    maxBuffer: 64 << 20,
  });
  rmSync(facts);
}

/** Makes a folder whole or not at all. */
function atomically(folder: string, fill: (target: string) => void): void {
  mkdirSync(cacheFolder(), { recursive: true });
  const target = mkdtempSync(join(existsSync(cacheFolder()) ? cacheFolder() : tmpdir(), "making-"));
  try {
    fill(target);
    renameSync(target, folder);
  } catch (error) {
    rmSync(target, { recursive: true, force: true });
    // Another process may have made the same meanwhile.
    if (!existsSync(folder)) throw error;
  }
}

interface Record {
  readonly cflags?: readonly string[];
  readonly attaches?: readonly Attachment[];
}

/** @param isTree True where names keep their folder: those of a tree's parts repeat. */
function readTexts(folder: string, isTree = false): CorpusProgram[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".c"))
    .map((path) => {
      const json = join(folder, path.replace(/\.c$/, ".json"));
      const record = (existsSync(json) ? JSON.parse(readFileSync(json, "utf8")) : {}) as Record;
      const defines = (record.cflags ?? [])
        .filter((flag) => flag.startsWith("-D"))
        .map((flag) => flag.slice(2));
      return {
        name: (isTree ? path : path.replace(/^.*\//, "")).replace(/\.c$/, ""),
        text: readFileSync(join(folder, path), "utf8"),
        defines,
        attaches: record.attaches ?? [],
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
