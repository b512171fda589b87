/** The reverse of printInstruction: text to instructions, for tests, templates and conformance files. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type AssemblerContext, forms } from "./assembler-forms.ts";
import { type Instruction, slotCount } from "./instruction.ts";

/** A line with an instruction, and the slot it starts in. */
interface Line {
  readonly number: number;
  readonly text: string;
  readonly slot: number;
}

/**
 * Assembles one instruction a line, in the notation of {@link printInstruction}. Besides that notation:
 * - `name:` on a line of its own, or before an instruction, is a label; jumps and calls may name it;
 * - `goto +3` and `call bpf_map_lookup_elem` (or `call 1`) stand for the kernel's longer forms;
 * - text after `;`, `//` or `#` and a blank is a comment; an index and opcode in front (`12: (b7)`) are skipped;
 * - `rD = 0x...` is the two-slot load, as the kernel prints it; `rD = 5` is the one-slot move.
 * @throws BpfkitError `EL205` with the line, for text that is no instruction; `EL206` for unknown and repeated labels
 */
export function assemble(text: string): Instruction[] {
  const labels = new Map<string, number>();
  const lines = collect(text, labels);
  return lines.map((line) => parse(line, labels));
}

const labelPattern = /^([A-Za-z_.$][\w.$]*):(?:\s+|$)/;
const listingPrefix = /^\d+:\s*(?:\([0-9a-f]{2}\)\s*)?/;
const comment = /(?:;|\/\/|#\s).*$/;

function collect(text: string, labels: Map<string, number>): Line[] {
  const lines: Line[] = [];
  let slot = 0;
  for (const [index, raw] of text.split("\n").entries()) {
    let rest = raw.replace(comment, "").trim().replace(listingPrefix, "");
    for (let label = labelPattern.exec(rest); label !== null; label = labelPattern.exec(rest)) {
      const name = label[1] ?? "";
      if (labels.has(name))
        throw new BpfkitError("EL206", `line ${index + 1}: the label ${name} is there twice`);
      labels.set(name, slot);
      rest = rest.slice(label[0].length);
    }
    if (rest === "") continue;
    lines.push({ number: index + 1, text: rest, slot });
    // The only two-slot instruction is recognised without labels, so one pass finds every label's slot.
    slot += slotCount(parse({ number: index + 1, text: rest, slot }, undefined));
  }
  return lines;
}

/** With `labels` undefined, names stand for any place: only the size of the instruction counts. */
function parse(line: Line, labels: ReadonlyMap<string, number> | undefined): Instruction {
  const context: AssemblerContext = {
    target: (name) => {
      if (/^[+-]\d+$/.test(name)) return Number(name);
      if (labels === undefined) return 0;
      const slot = labels.get(name);
      if (slot === undefined)
        throw new BpfkitError("EL206", `line ${line.number}: there is no label ${name}`);
      return slot - line.slot - 1;
    },
    isLabel: (name) => labels?.has(name) ?? false,
    number: (word, low, high) => {
      const value = Number(word.replace(/^([+-])/, "")) * (word.startsWith("-") ? -1 : 1);
      if (Number.isInteger(value) && value >= low && value <= high) return value;
      throw new BpfkitError("EL205", `line ${line.number}: ${word} is not a number from ${low} to ${high}`);
    },
  };
  const text = line.text.replace(/\s+/g, " ");
  for (const form of forms) {
    const match = form.pattern.exec(text);
    const instruction =
      match === null
        ? undefined
        : form.make(
            match.slice(1).map((word) => word ?? ""),
            context,
          );
    if (instruction !== undefined) return instruction;
  }
  throw new BpfkitError("EL205", `line ${line.number}: "${line.text}" is not an instruction`, {
    hint: "Write it as the kernel verifier prints it, such as `r1 = *(u64 *)(r10 -8)` or `if r1 == 0x0 goto pc+3`.",
  });
}
