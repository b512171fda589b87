/** Results of builds on disk, by the content of everything that went in. */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Diagnostic } from "@bpfkit/base/diagnostics";

/** What is kept of a build. */
export interface CachedBuild {
  readonly object: Uint8Array;
  /** Warnings, shown again on every use. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Everything that decides a build's result; texts are hashed by the cache. */
export interface CacheKey {
  readonly file: string;
  readonly text: string;
  /** User headers by path. */
  readonly headers: ReadonlyMap<string, string>;
  /** Options in a fixed order. */
  readonly options: readonly string[];
  /** Identifies the profile's types. */
  readonly profile: string;
  /** Identifies bpfkit itself. */
  readonly implementation: string;
}

const magic = "bpfkit-build-1";
const digestLength = 64;

/** `$XDG_CACHE_HOME/bpfkit`, or `.cache/bpfkit` in the home folder. */
export function defaultCacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "bpfkit");
}

/** The cache. Damaged entries count as absent; a folder that cannot be written is reported once by `warn`. */
export class ResultCache {
  readonly #folder: string;
  readonly #warn: (message: string) => void;
  #warned = false;

  constructor(folder: string, warn: (message: string) => void) {
    this.#folder = folder;
    this.#warn = warn;
  }

  get(key: CacheKey): CachedBuild | undefined {
    try {
      return decodeEntry(readFileSync(this.#path(key)));
    } catch {
      // Absent or unreadable: both mean that it has to be built.
      return undefined;
    }
  }

  put(key: CacheKey, build: CachedBuild): void {
    const path = this.#path(key);
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      makeFolder(this.#folder);
      writeFileSync(temporary, encodeEntry(build));
      renameSync(temporary, path);
      this.#dropOldEntries();
    } catch (error) {
      removeQuietly(temporary);
      if (!this.#warned) this.#warn(`the build cache cannot be written: ${String(error)}`);
      this.#warned = true;
    }
  }

  #path(key: CacheKey): string {
    const hash = createHash("sha256");
    const parts = [magic, key.implementation, key.profile, key.file, key.text, ...key.options];
    for (const part of parts) hash.update(`${part.length}:${part}\n`);
    for (const [path, text] of [...key.headers].sort(([left], [right]) => (left < right ? -1 : 1))) {
      hash.update(`${path.length}:${path}\n${text.length}:${text}\n`);
    }
    return join(this.#folder, `${hash.digest("hex")}.build`);
  }

  /** Keeps the newest entries when there are many. */
  #dropOldEntries(): void {
    const most = 512;
    const names = readdirSync(this.#folder).filter((name) => name.endsWith(".build"));
    if (names.length <= most) return;
    const byAge = names
      .map((name) => ({ path: join(this.#folder, name), time: statSync(join(this.#folder, name)).mtimeMs }))
      .sort((left, right) => right.time - left.time);
    for (const { path } of byAge.slice(most / 2)) rmSync(path, { force: true });
  }
}

/** Makes a folder and those above it. Node's own recursion never ends where a parent refuses with ENOENT, as /proc does. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** The write has failed already; whether the leftover can be removed changes nothing. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder itself is not there.
  }
}

/** A line of JSON, then the SHA-256 of the object in hex, a newline, and the object. */
function encodeEntry(build: CachedBuild): Uint8Array {
  const header = `${JSON.stringify({ magic, diagnostics: build.diagnostics })}\n`;
  const digest = createHash("sha256").update(header).update(build.object).digest("hex");
  return Buffer.concat([Buffer.from(`${digest}\n${header}`), build.object]);
}

function decodeEntry(bytes: Buffer): CachedBuild | undefined {
  const digest = bytes.toString("latin1", 0, digestLength);
  const content = bytes.subarray(digestLength + 1);
  if (createHash("sha256").update(content).digest("hex") !== digest) return undefined;
  const end = content.indexOf(10);
  const header = JSON.parse(content.toString("utf8", 0, end)) as {
    readonly magic: string;
    readonly diagnostics: readonly Diagnostic[];
  };
  if (header.magic !== magic) return undefined;
  return { object: new Uint8Array(content.subarray(end + 1)), diagnostics: header.diagnostics };
}
