/** Compares the kernel memory that bpfkit's rewriting of a text reads with what BCC's reads. */
import type { Builder } from "bpfkit/node";
import { NativeUnit } from "../../support/native-build.ts";
import type { CorpusProgram } from "../extraction.ts";
import { type KernelRead, readsOfBcc, readsOfBpfkit } from "./read-set.ts";

/** One difference. */
export interface ReadDifference {
  readonly program: string;
  /** `missing`: only BCC reads it; `added`: only bpfkit does; `type`: both, but of another type or size. */
  readonly kind: "missing" | "added" | "type";
  readonly expression: string;
  /** Of `type`: the compiler's words; of `added`: why bpfkit reads it. */
  readonly detail: string;
}

/** A comparison of one program. */
export interface ReadComparison {
  /** Reads that BCC's text makes. */
  readonly bcc: number;
  readonly bpfkit: number;
  readonly differences: readonly ReadDifference[];
}

/** In the rewritten text each read that BCC makes, too, is marked with the type that BCC reads. */
const typeCheck = `#define BPFKIT_SAME_TYPE(type, ...) ({ \\
	_Static_assert(sizeof(type) == sizeof(__VA_ARGS__), "another size"); \\
	_Static_assert(__builtin_types_compatible_p(type, typeof(__VA_ARGS__)), "another type"); \\
	__VA_ARGS__; })
`;

/** Compares. @param clang Path of the native compiler that checks the types; they are not checked without one */
export async function compareReads(
  program: CorpusProgram,
  bccText: string,
  builder: Builder,
  clang: string | undefined,
): Promise<ReadComparison> {
  const { name, text, defines } = program;
  const { rewritten, unit } = await builder.rewrite({ file: `${name}.c`, text }, defines);
  const theirs = readsOfBcc(bccText);
  const ours = readsOfBpfkit(rewritten);
  const left = new Map<string, KernelRead[]>();
  for (const read of ours) left.set(read.expression, [...(left.get(read.expression) ?? []), read]);
  const differences: ReadDifference[] = [];
  const typed: { readonly read: KernelRead; readonly type: string }[] = [];
  for (const { expression, type = "" } of theirs) {
    const read = left.get(expression)?.shift();
    if (read === undefined) differences.push({ program: name, kind: "missing", expression, detail: type });
    else if (read.range !== undefined) typed.push({ read, type });
  }
  for (const rest of left.values())
    for (const { expression } of rest)
      differences.push({ program: name, kind: "added", expression, detail: "" });
  if (clang !== undefined && typed.length > 0) {
    const checked = typeCheck + withTypes(rewritten, typed);
    const native = new NativeUnit(unit.codeRequest(checked));
    try {
      native.build(clang);
    } catch (error) {
      const words = String((error as { stderr?: unknown }).stderr ?? error);
      const lines = words.split("\n").filter((line) => / error: /.test(line));
      for (const line of lines)
        differences.push({
          program: name,
          kind: "type",
          expression: "",
          detail: line.replace(/^.*? error: /, ""),
        });
    } finally {
      native.close();
    }
  }
  return { bcc: theirs.length, bpfkit: ours.length, differences };
}

/** The text with {@link typeCheck}'s macro around the reads, inner ones first. */
function withTypes(
  text: string,
  typed: readonly { readonly read: KernelRead; readonly type: string }[],
): string {
  const inserts: { readonly at: number; readonly order: number; readonly text: string }[] = [];
  for (const { read, type } of typed) {
    const [start, end] = read.range ?? [0, 0];
    // Arrays cannot be read as values, and pointers to functions cannot be spelled in front of nothing.
    if (type.includes("[") || type.includes("(")) continue;
    inserts.push({ at: start, order: -end, text: `BPFKIT_SAME_TYPE(${type}, ` });
    inserts.push({ at: end, order: -start, text: ")" });
  }
  inserts.sort((a, b) => b.at - a.at || b.order - a.order);
  let result = text;
  for (const { at, text: piece } of inserts) result = result.slice(0, at) + piece + result.slice(at);
  return result;
}
