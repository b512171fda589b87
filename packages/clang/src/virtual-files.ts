/** The user's file names as paths of a run's file system, and back. */
import { SourceFile, UsageError } from "@bpfkit/base/diagnostics";

import type { SourceNames } from "./diagnostics.ts";

/** Folders below this one are ours: warnings inside them are not for the user. */
export const SystemRoot = "/bpfkit/";

/** For files that are not found through a system folder, such as those included before the text. Their lines keep their numbers. */
const SystemPragma = "#pragma GCC system_header\n#line 1\n";

interface NamedFiles {
  readonly mainFile: string;
  readonly files: ReadonlyMap<string, string>;
  readonly fileNames?: ReadonlyMap<string, string>;
}

/**
 * Gives each file an absolute path. A name that is a plain relative or absolute path stays as it is (relative ones are taken
 * from the root); one that leaves its folder (`../x.c`) or is not a POSIX path (`C:\x.c`) gets a path of its own, and
 * messages, debug information and AST are given the name back.
 */
export class VirtualFiles implements SourceNames {
  /** Absolute path -> text. */
  readonly contents: ReadonlyMap<string, string>;
  /** Path as the compiler says it -> the user's name, where they differ. */
  readonly renamed: ReadonlyMap<string, string>;
  readonly #names: ReadonlyMap<string, string>;
  /** User's name -> text. */
  readonly #texts: ReadonlyMap<string, string>;
  readonly #sources = new Map<string, SourceFile>();

  /** @throws UsageError where the main file is not among the files */
  constructor(request: NamedFiles) {
    const contents = new Map<string, string>();
    const names = new Map<string, string>();
    const renamed = new Map<string, string>();
    const texts = new Map<string, string>();
    for (const [name, text] of request.files) {
      const path = compilerPath(name);
      const isOurs = path.startsWith(SystemRoot) && name !== request.mainFile;
      contents.set(path.startsWith("/") ? path : `/${path}`, isOurs ? SystemPragma + text : text);
      const userName = request.fileNames?.get(name) ?? name;
      if (userName !== path) renamed.set(path, userName);
      names.set(path, userName);
      texts.set(userName, text);
    }
    if (!request.files.has(request.mainFile)) {
      throw new UsageError(`there is no text for the main file ${request.mainFile}`);
    }
    this.contents = contents;
    this.renamed = renamed;
    this.#names = names;
    this.#texts = texts;
  }

  /** What the compiler has to be told for a file or a folder of the user's. */
  path(name: string): string {
    return compilerPath(name);
  }

  /** The user's name of a path out of one of the compiler's messages. */
  userName(path: string): string {
    const plain = path.startsWith("./") ? path.slice(2) : path;
    return this.#names.get(path) ?? this.#names.get(plain) ?? path;
  }

  lineText(file: string, line: number): string | undefined {
    let source = this.#sources.get(file);
    const text = this.#texts.get(file);
    if (source === undefined && text !== undefined) {
      source = new SourceFile(file, text);
      this.#sources.set(file, source);
    }
    return source?.lineText(line);
  }

  /** Puts the user's names into a JSON AST. */
  restoreNames(json: string): string {
    let text = json;
    for (const [path, name] of this.renamed) {
      text = text.replaceAll(`"file": ${JSON.stringify(path)}`, `"file": ${JSON.stringify(name)}`);
    }
    return text;
  }
}

function compilerPath(name: string): string {
  const steps = name.split("/");
  const plain = !name.includes("\\") && !/^[A-Za-z]:/.test(name) && !steps.includes("..") && name !== "";
  if (plain) return name.startsWith("./") && name.length > 2 ? name.slice(2) : name;
  // Upwards steps become folders with a name that no user has; the structure below stays, for relative includes.
  const portable = name.replaceAll("\\", "/").replace(/^([A-Za-z]):/, "/$1");
  return `/bpfkit-user/${portable
    .split("/")
    .filter((step) => step !== "" && step !== ".")
    .map((step) => (step === ".." ? "_up" : step))
    .join("/")}`;
}
