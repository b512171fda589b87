/**
 * Results of builds on disk, by the content of everything that went in. An entry holds its whole key, so that its name need not
 * be a cryptographic hash: loading Node's crypto takes longer than all else that a cached build does.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { crc32 } from "node:zlib";
import type { Diagnostic } from "@bpfkit/base/diagnostics";

/** What is kept of a build. */
export interface CachedBuild {
  readonly object: Uint8Array;
  /** Warnings, shown again on every use. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Everything that decides a build's result. */
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

const magic = "bpfkit-build-2";
/** Of a CRC-32 in hexadecimal digits, and a newline. */
const checksumLength = 8;

/** `$XDG_CACHE_HOME/bpfkit`, or `.cache/bpfkit` in the home folder. Relative paths do not count (XDG Base Directory 0.8). */
export function defaultCacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"] ?? "";
  return join(isAbsolute(base) ? base : join(homedir(), ".cache"), "bpfkit");
}

/**
 * The cache. Damaged entries count as absent, and so do those that another user owns or may write: what comes out of here is
 * loaded into the kernel. A folder that cannot be written is reported once by `warn`.
 */
export class ResultCache {
  readonly #folder: string;
  readonly #warn: (message: string) => void;
  #warned = false;

  constructor(folder: string, warn: (message: string) => void) {
    this.#folder = folder;
    this.#warn = warn;
  }

  get(key: CacheKey): CachedBuild | undefined {
    const text = keyText(key);
    const path = this.#path(text);
    try {
      if (!isOwn(statSync(path))) return undefined;
      return decodeEntry(readFileSync(path), text);
    } catch {
      // Absent or unreadable: both mean that it has to be built.
      return undefined;
    }
  }

  put(key: CacheKey, build: CachedBuild): void {
    const text = keyText(key);
    const path = this.#path(text);
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      makeFolder(this.#folder);
      writeFileSync(temporary, encodeEntry(build, text), { mode: 0o600 });
      renameSync(temporary, path);
      this.#dropOldEntries();
    } catch (error) {
      removeQuietly(temporary);
      if (!this.#warned) {
        const detail = error instanceof Error ? error.message : String(error);
        this.#warn(
          `builds are not kept: ${detail} (XDG_CACHE_HOME names another folder, --no-cache keeps none)`,
        );
      }
      this.#warned = true;
    }
  }

  #path(text: string): string {
    return join(this.#folder, `${checksum(text)}-${text.length}.build`);
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

/** Whether only this user can write it. Windows has neither owners nor modes to go by; there homes are the users' own. */
function isOwn({ uid, mode }: Stats): boolean {
  return process.geteuid === undefined || (uid === process.geteuid() && (mode & 0o022) === 0);
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

function keyText(key: CacheKey): string {
  const headers = [...key.headers].sort(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify([magic, key.implementation, key.profile, key.file, key.text, key.options, headers]);
}

function checksum(content: string | Uint8Array): string {
  return crc32(content).toString(16).padStart(checksumLength, "0");
}

/** A checksum of all that follows, a newline, a line of JSON, the object. */
function encodeEntry(build: CachedBuild, key: string): Uint8Array {
  const header = `${JSON.stringify({ key, diagnostics: build.diagnostics })}\n`;
  const content = Buffer.concat([Buffer.from(header), build.object]);
  return Buffer.concat([Buffer.from(`${checksum(content)}\n`), content]);
}

function decodeEntry(bytes: Buffer, key: string): CachedBuild | undefined {
  const content = bytes.subarray(checksumLength + 1);
  if (checksum(content) !== bytes.toString("latin1", 0, checksumLength)) return undefined;
  const end = content.indexOf(10);
  const header = JSON.parse(content.toString("utf8", 0, end)) as {
    readonly key: string;
    readonly diagnostics: readonly Diagnostic[];
  };
  if (header.key !== key) return undefined;
  return { object: new Uint8Array(content.subarray(end + 1)), diagnostics: header.diagnostics };
}
