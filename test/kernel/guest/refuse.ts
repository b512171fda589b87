/** Loads one program of a rejection file and gives back why it was refused. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kernel } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import { Collection, CollectionSpec, ProgramLoadError } from "@bpfkit/loader";

/** The C file, and its text: in the guest it lies beside the objects. */
export const rejectionFile = "rejections.bpf.c";
export const rejectionText = readFileSync(
  [join(import.meta.dirname, "../rejections", rejectionFile), `/objects/${rejectionFile}`].find((path) =>
    existsSync(path),
  ) ?? "",
  "utf8",
);

/** One program. */
export interface RejectedProgram {
  readonly name: string;
  /** Name of the complaint. */
  readonly kind: string;
  /** The line marked REFUSED; undefined where the complaint has no place. */
  readonly line: number | undefined;
  /** BPF_F_STRICT_ALIGNMENT, which x86-64 and arm64 do not ask for by themselves. */
  readonly strict: boolean;
  /** Loaded as if its licence were not GPL-compatible, which bpfkit refuses to build. */
  readonly proprietary: boolean;
  /** The verifier walks a million instructions. */
  readonly slow: boolean;
}

const strictAlignment = 1;

/** Programs of a file: `SEC("...") int NAME(`, with remarks `// KIND`, `// STRICT`, `// PROPRIETARY`, `// SLOW` on that line. */
export function rejectedPrograms(text: string): RejectedProgram[] {
  const lines = text.split("\n");
  const programs: RejectedProgram[] = [];
  for (const [index, line] of lines.entries()) {
    const name = /^SEC\("[^"]+"\) .*\b(\w+)\(/.exec(line)?.[1];
    if (name === undefined) continue;
    const rest = lines.slice(index);
    const end = rest.findIndex((each) => each.startsWith("}"));
    const marked = rest.slice(0, end + 1).findIndex((each) => each.includes("// REFUSED"));
    programs.push({
      name,
      kind: /\/\/ KIND (\w+)/.exec(line)?.[1] ?? name,
      line: marked === -1 ? undefined : index + marked + 1,
      strict: line.includes("// STRICT"),
      proprietary: line.includes("// PROPRIETARY"),
      slow: line.includes("// SLOW"),
    });
  }
  return programs;
}

/** @throws where the program is accepted, or fails in another way */
export function refuse(
  kernel: Kernel,
  object: Uint8Array,
  program: RejectedProgram,
  targetBtf: BtfTable,
): ProgramLoadError {
  const spec = CollectionSpec.fromObject(object, "rejections.bpf.o");
  if (program.proprietary) spec.license = "Proprietary";
  for (const each of spec.programs.values()) each.autoload = each.name === program.name;
  const asked = program.strict ? withFlag(kernel) : kernel;
  try {
    Collection.load(spec, asked, { targetBtf }).close();
  } catch (error) {
    if (error instanceof ProgramLoadError) return error;
    throw error;
  }
  throw new Error(`the kernel accepts ${program.name}`);
}

function withFlag(kernel: Kernel): Kernel {
  return new Proxy(kernel, {
    get(target, name) {
      if (name === "programLoad") {
        return (attributes: Parameters<Kernel["programLoad"]>[0]) =>
          target.programLoad({ ...attributes, flags: (attributes.flags ?? 0) | strictAlignment });
      }
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
