/**
 * Assembly in the notation of LLVM's BPF back end, which is that of the kernel's verifier with labels, expressions and
 * symbols; what only the verifier prints (`pc+3`, `atomic64_xchg`, `map[fd:3]`) is understood too.
 */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { assemble } from "@bpfkit/elf/isa";
import { parseAssignment } from "./assignments.ts";
import { dataInstructions, directiveData } from "./directives.ts";
import { AsmReader } from "./expression.ts";
import type { AsmItem } from "./item.ts";
import { parseJump } from "./jumps.ts";
import { parseMemoryStatement } from "./memory.ts";
import { registerAt } from "./operands.ts";
import { statementsOf, tokensOf } from "./tokens.ts";

/** Assembled text. */
export interface AsmProgram {
  readonly items: readonly AsmItem[];
  /** Index of the item each label stands before; of local labels `1:`, `2:` every place, in order. */
  readonly labels: ReadonlyMap<string, readonly number[]>;
}

/** Reads a text. @throws BpfkitError EL205 for what is no instruction, EL206 for a label that is there twice */
export function parseAssembly(text: string): AsmProgram {
  const items: AsmItem[] = [];
  const labels = new Map<string, number[]>();
  let data: number[] = [];
  const flush = (): void => {
    for (const item of dataInstructions(data)) items.push(item);
    data = [];
  };
  const take = (statement: string, line: number): void => {
    let rest = statement;
    for (let match = label.exec(rest); match !== null; match = label.exec(rest)) {
      flush();
      define(labels, match[1] as string, items.length);
      rest = rest.slice(match[0].length);
    }
    if (rest === "") return;
    if (rest.startsWith(".")) {
      for (const byte of directiveData(rest)) data.push(byte);
      return;
    }
    flush();
    for (const item of parseStatement(rest)) items.push({ ...item, line });
  };
  for (const { text: statement, line } of statementsOf(text)) {
    try {
      take(statement, line);
    } catch (error) {
      if (!(error instanceof BpfkitError)) throw error;
      throw new BpfkitError(error.code, `line ${line}: ${error.message}`, { cause: error });
    }
  }
  flush();
  return { items, labels };
}

const label = /^([A-Za-z_.$][\w.$]*|\d+)\s*:(?!:)\s*/;

function define(labels: Map<string, number[]>, name: string, place: number): void {
  const places = labels.get(name);
  if (places === undefined) labels.set(name, [place]);
  else if (/^\d+$/.test(name)) places.push(place);
  else throw new BpfkitError("EL206", `the label ${name} is there twice`);
}

function parseStatement(text: string): AsmItem[] {
  try {
    const reader = new AsmReader(tokensOf(text), text);
    const item = parseInstruction(reader);
    if (!reader.atEnd) throw reader.error(`"${reader.peek()}" is too much`);
    return [item];
  } catch (error) {
    const verifier = verifierNotation(text);
    if (verifier === undefined) throw error;
    return verifier;
  }
}

function parseInstruction(reader: AsmReader): AsmItem {
  if (registerAt(reader) !== undefined) return parseAssignment(reader);
  return parseJump(reader) ?? parseMemoryStatement(reader);
}

/** What the verifier prints and LLVM does not read. */
function verifierNotation(text: string): AsmItem[] | undefined {
  try {
    return assemble(text.replace(/\s+/g, " ")).map((insn) => ({ insn }));
  } catch {
    return undefined;
  }
}
