/**
 * Where the command starts: from the bundle, with the code that V8 made of it in an earlier run, or module by module where
 * the bundle is missing or older than the sources. CommonJS, because that starts sooner. scripts/bundle makes the bundle.
 */
const fs = process.getBuiltinModule("node:fs");
const nodeModule = process.getBuiltinModule("node:module");
const os = process.getBuiltinModule("node:os");
const path = process.getBuiltinModule("node:path");
const vm = process.getBuiltinModule("node:vm");
const zlib = process.getBuiltinModule("node:zlib");

interface Main {
  readonly main: (argv: readonly string[]) => Promise<void>;
}

interface Input {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

const folder = path.join(__dirname, "bundle");
const keepAfterMs = 5000;
const mostFiles = 24;
/** As in exit-codes.ts. */
const usageError = 2;

async function start(argv: readonly string[]): Promise<void> {
  // oclif looks for the user's shell, and fails for users without an entry in passwd, as containers have them.
  process.env["SHELL"] ??= "/bin/sh";
  // bpfkit has no themes: oclif need not look for one.
  process.env["BPFKIT_DISABLE_THEME"] ??= "1";
  const id = freshBundle();
  const { main } = id === undefined ? ((await import("./main.ts")) as Main) : new Bundle(id, argv).main();
  await main(argv);
}

/** The bundle's id, or undefined where the modules are newer. Packages that npm installed come without the list of inputs. */
function freshBundle(): string | undefined {
  try {
    const { id } = readJson(path.join(folder, "bundle.json")) as { readonly id: string };
    const list = path.join(folder, "inputs.json");
    const inputs = fs.existsSync(list) ? (readJson(list) as readonly Input[]) : [];
    const isFresh = inputs.every((input) => {
      const { size, mtimeMs } = fs.statSync(path.join(folder, input.path));
      return size === input.size && mtimeMs === input.mtimeMs;
    });
    return isFresh ? id : undefined;
  } catch {
    // Not bundled, or an input is gone: the modules are always right.
    return undefined;
  }
}

function readJson(file: string): unknown {
  return JSON.parse(fs.readFileSync(file, "utf8"));
}

/** What the bundle's code asks of its surroundings. */
interface Surroundings {
  readonly id: string;
  place(name: string, inside: string): string;
  url(file: string): string;
  folder(file: string): string;
  resolve(name: string): never;
  /** The file `inside` koffi, which the command depends on for its bundle's sake. */
  inKoffi(inside: string): string;
  /** A `require` for the module at `file`. */
  requireAt(file: string): NodeJS.Require;
  builtIn(name: string): object;
}

function surroundings(id: string): Surroundings {
  const roots = new Map([["@bpfkit/cli", path.dirname(__dirname)]]);
  const builtIns = new Map<string, object>();
  let front: NodeJS.Require | undefined;
  let koffi: string | undefined;
  const root = (name: string): string => {
    let found = roots.get(name);
    if (found === undefined) {
      // What is bundled is installed for bpfkit; the command itself need not find it.
      front ??= nodeModule.createRequire(require.resolve("bpfkit"));
      found = path.dirname(path.dirname(front.resolve(name)));
      roots.set(name, found);
    }
    return found;
  };
  return {
    id,
    place: (name, inside) => path.join(root(name), inside),
    url: (file) => process.getBuiltinModule("node:url").pathToFileURL(file).href,
    folder: (file) => path.dirname(file),
    resolve: (name) => {
      throw new Error(`the bundle has no ${name}`);
    },
    inKoffi: (inside) => {
      koffi ??= path.dirname(require.resolve("koffi"));
      return path.join(koffi, inside);
    },
    requireAt: (file) => nodeModule.createRequire(file),
    builtIn: (name) => {
      let found = builtIns.get(name);
      if (found === undefined) {
        const value = process.getBuiltinModule(name as "node:fs");
        found = Object.create(value, { default: { value } }) as object;
        builtIns.set(name, found);
      }
      return found;
    },
  };
}

/** The bundle's files, each run when it is first asked for. */
class Bundle {
  readonly #cache: CodeCache;
  readonly #surroundings: Surroundings;
  readonly #loaded = new Map<string, { exports: unknown }>();

  constructor(id: string, argv: readonly string[]) {
    this.#cache = new CodeCache(id, argv);
    this.#surroundings = surroundings(id);
  }

  main(): Main {
    return this.#load("main").exports as Main;
  }

  readonly #require = (name: string): unknown =>
    name.startsWith("./")
      ? this.#load(name.slice(2).replace(/\.js$/, "")).exports
      : process.getBuiltinModule(name as "node:fs");

  #load(name: string): { exports: unknown } {
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const module = { exports: {} as unknown };
    this.#loaded.set(name, module);
    const filename = path.join(folder, `${name}.cjs`);
    const text = fs.readFileSync(filename, "latin1");
    const script = this.#cache.script(
      name,
      `(function (exports, require, module, __bundled) {${text}\n})`,
      filename,
    );
    const run = script.runInThisContext() as (...parts: unknown[]) => void;
    run(module.exports, this.#require, module, this.#surroundings);
    return module;
  }
}

type Script = InstanceType<typeof vm.Script>;

/** One file's code in the cache. */
interface CachedCode {
  readonly name: string;
  readonly length: number;
  readonly crc: number;
}

/**
 * The code that V8 made of the bundle's functions in earlier runs of the same command, in the user's cache: a line of JSON,
 * then the code of each file. V8 refuses code of another version or made with other flags, but takes damaged code, so
 * each has a checksum. Who can write here can make this user run anything, so another user's file is not read.
 */
class CodeCache {
  readonly #file: string;
  readonly #known = new Map<string, { readonly bytes: Buffer; readonly crc: number }>();
  readonly #scripts = new Map<string, Script>();
  #isKept = false;

  constructor(id: string, argv: readonly string[]) {
    const command = argv.find((word) => !word.startsWith("-")) ?? "";
    const name = /^[a-z]{1,16}$/.test(command) ? command : "other";
    const target = argv.includes("kernel") || argv.includes("--target=kernel") ? "-kernel" : "";
    const cache = process.env["XDG_CACHE_HOME"] ?? "";
    const base = path.isAbsolute(cache) ? cache : path.join(os.homedir(), ".cache");
    const version = `${process.version}-${process.arch}`;
    this.#file = path.join(base, "bpfkit", "code", `${id.slice(0, 32)}-${version}-${name}${target}`);
    this.#read();
  }

  #read(): void {
    try {
      if (!isOwn(fs.statSync(this.#file))) return;
      const bytes = fs.readFileSync(this.#file);
      const end = bytes.indexOf(10);
      let offset = end + 1;
      for (const { name, length, crc } of JSON.parse(bytes.toString("utf8", 0, end)) as CachedCode[]) {
        this.#known.set(name, { bytes: bytes.subarray(offset, offset + length), crc });
        offset += length;
      }
    } catch {
      // The first run, no home, or damage: the code is made anew.
      this.#known.clear();
    }
  }

  script(name: string, text: string, filename: string): Script {
    const cached = this.#known.get(name);
    const isWhole = cached !== undefined && zlib.crc32(cached.bytes) === cached.crc;
    const script = new vm.Script(text, { filename, ...(isWhole ? { cachedData: cached.bytes } : {}) });
    if (script.cachedDataRejected !== false) this.#keep();
    this.#scripts.set(name, script);
    return script;
  }

  /**
   * Sees to it that what is compiled gets written: at the process's end, or after some time, because V8 forgets the code of
   * a start in a process that runs for long.
   */
  #keep(): void {
    if (this.#isKept) return;
    this.#isKept = true;
    const write = (): void => {
      clearTimeout(timer);
      process.off("exit", write);
      // A mistyped command line is no start to be prepared for.
      if (process.exitCode !== usageError) this.#write();
    };
    const timer = setTimeout(write, keepAfterMs);
    timer.unref();
    process.once("exit", write);
  }

  #write(): void {
    const temporary = `${this.#file}.${process.pid}`;
    try {
      const index: CachedCode[] = [];
      const parts: Buffer[] = [];
      for (const [name, script] of this.#scripts) {
        const bytes = script.createCachedData();
        index.push({ name, length: bytes.length, crc: zlib.crc32(bytes) });
        parts.push(bytes);
      }
      makeFolder(path.dirname(this.#file));
      const content = Buffer.concat([Buffer.from(`${JSON.stringify(index)}\n`), ...parts]);
      fs.writeFileSync(temporary, content, { mode: 0o600, flag: "wx" });
      fs.renameSync(temporary, this.#file);
      dropOldFiles(path.dirname(this.#file));
    } catch {
      // A cache that cannot be written makes the next start slower, and nothing else.
      removeQuietly(temporary);
    }
  }
}

/** Whether only this user can write it. Windows has neither owners nor modes to go by; there homes are the users' own. */
function isOwn({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean {
  return process.geteuid === undefined || (uid === process.geteuid() && (mode & 0o022) === 0);
}

/** Node's own recursion never ends where a parent refuses with ENOENT, as /proc does. */
function makeFolder(name: string): void {
  if (fs.existsSync(name)) return;
  if (path.dirname(name) !== name) makeFolder(path.dirname(name));
  fs.mkdirSync(name, { mode: 0o700 });
}

function removeQuietly(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch {
    // Its folder is none.
  }
}

/** Keeps the newest files: other versions of bpfkit and Node leave theirs. */
function dropOldFiles(parent: string): void {
  const files = fs.readdirSync(parent).map((name) => {
    const file = path.join(parent, name);
    return { file, time: fs.statSync(file).mtimeMs };
  });
  files.sort((left, right) => right.time - left.time);
  for (const { file } of files.slice(mostFiles)) fs.rmSync(file, { force: true });
}

start(process.argv.slice(2)).catch((error: unknown) => {
  // The command reports its own failures: what comes here is an installation that lacks files.
  const why = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `error: bpfkit cannot start: ${why.split("\n", 1)[0]}\n  hint: Install it again: npm ci\n`,
  );
  process.exitCode = 1;
});
