/** The templates of `bpfkit new`: folders of text files in which `__NAME__` stands for the project's name. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { BpfkitError, UsageError } from "@bpfkit/base/diagnostics";
import { nearest } from "./run/nearest.ts";

const placeholder = "__NAME__";

/**
 * In the published package the templates lie beside dist, where packing puts them; in the repository, which alone has a
 * tsconfig.json there, at its top.
 * @throws BpfkitError CL003 where they do not
 */
function templatesFolder(): string {
  const own = resolve(import.meta.dirname, "..");
  const folder = join(own, existsSync(join(own, "tsconfig.json")) ? "../../templates" : "templates");
  if (existsSync(folder)) return folder;
  throw new BpfkitError("CL003", "the templates are missing from this installation", {
    hint: `Install bpfkit again; they belong in ${folder}.`,
  });
}

/** Names of the templates. */
export function templateNames(): string[] {
  return readdirSync(templatesFolder()).sort();
}

/**
 * Makes the folder `name` from a template, whole or not at all.
 * @returns paths of the files, relative to the current folder
 * @throws UsageError for a bad name or template, BpfkitError CL001 where the folder cannot be made
 */
export function createProject(name: string, template: string): string[] {
  const program = basename(name);
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(program)) {
    throw new UsageError(`'${program}' cannot be a program's name`, {
      hint: "Use letters, digits, - and _, beginning with a letter.",
    });
  }
  const names = templateNames();
  if (!names.includes(template)) {
    const near = nearest(template, names);
    const hint = near === undefined ? `Templates: ${names.join(", ")}` : `Did you mean '${near}'?`;
    throw new UsageError(`there is no template '${template}'`, { hint });
  }
  if (existsSync(name)) {
    throw new BpfkitError("CL001", `cannot make ${name}: it exists already`, {
      hint: "Choose another name.",
    });
  }
  try {
    const temporary = mkdtempSync(join(dirname(name), `.${program}-`));
    try {
      cpSync(join(templatesFolder(), template), temporary, { recursive: true });
      const files = fill(temporary, program);
      chmodSync(temporary, 0o755);
      renameSync(temporary, name);
      return files.map((file) => join(name, file));
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new BpfkitError("CL001", `cannot make ${name}: ${detail}`, { cause: error });
  }
}

/** Puts the name in place of the placeholder, in names and texts. */
function fill(folder: string, name: string): string[] {
  const files: string[] = [];
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(folder, file);
    if (!/\.\w+$/.test(file)) continue;
    const target = file.replaceAll(placeholder, name);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(placeholder, name));
    if (target !== file) renameSync(path, join(folder, target));
    files.push(target);
  }
  return files;
}
