/** What the code generator makes of IR text that nobody vouches for: a diagnostic, or an object without faults. */
import { BpfkitError, InternalError } from "@bpfkit/base/diagnostics";
import { generate, lowerCoreAccess } from "@bpfkit/codegen";
import { BtfTable, decodeExtInfo } from "@bpfkit/elf/btf";
import {
  decodeInstructions,
  type Instruction,
  type IsaLevel,
  printInstruction,
  programLevel,
  slotCount,
} from "@bpfkit/elf/isa";
import { type ObjectSection, readObject, SectionFlag } from "@bpfkit/elf/object";
import { CollectionSpec } from "@bpfkit/loader";

/** How a case ended: refused with a diagnostic, built, or a fault of bpfkit's in words. */
export type Ending = "refused" | "built" | { readonly fault: string };

/** Compiles optimised IR and looks at the object. */
export function judgeGeneration(text: string, cpu: IsaLevel): Ending {
  let bytes: Uint8Array;
  try {
    bytes = generate(text, { cpu, mainFile: "damaged.c" }).bytes;
  } catch (error) {
    return refusal(error);
  }
  try {
    checkObject(bytes, cpu);
    return "built";
  } catch (error) {
    return { fault: `the object is malformed: ${describe(error)}` };
  }
}

/** Lowers CO-RE accesses of unoptimised IR. */
export function judgeLowering(text: string): Ending {
  try {
    lowerCoreAccess(text);
    return "built";
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): Ending {
  const isDiagnostic = error instanceof BpfkitError && !(error instanceof InternalError);
  return isDiagnostic ? "refused" : { fault: describe(error) };
}

function describe(error: unknown): string {
  return error instanceof Error
    ? (error.stack ?? error.message).split("\n").slice(0, 6).join("\n")
    : String(error);
}

function checkObject(bytes: Uint8Array, cpu: IsaLevel): void {
  const object = readObject(bytes, "damaged.o");
  for (const section of object.sections) {
    if ((section.flags & SectionFlag.Execinstr) !== 0) checkCode(section, cpu);
  }
  const named = (name: string): ObjectSection | undefined => object.sections.find((one) => one.name === name);
  const [btf, ext] = [named(".BTF"), named(".BTF.ext")];
  if (btf !== undefined) {
    const table = BtfTable.decode(btf.data);
    for (let id = 1; id < table.typeCount; id++) table.type(id);
    if (ext !== undefined) decodeExtInfo(ext.data, table);
  }
  try {
    CollectionSpec.fromObject(bytes, "damaged.o");
  } catch (error) {
    // What the C said of maps and sections may be wrong; the loader then says so.
    if (!(error instanceof BpfkitError) || !error.code.startsWith("LD")) throw error;
  }
}

/** Opcodes and registers exist, at the level that was asked for, and jumps stay in the section, at the start of an instruction. */
function checkCode({ name, data }: ObjectSection, cpu: IsaLevel): void {
  const instructions = decodeInstructions(data);
  const starts = new Set<number>();
  let slots = 0;
  for (const instruction of instructions) {
    starts.add(slots);
    slots += slotCount(instruction);
    if (instruction.dst > 10 || instruction.src > 10 || printInstruction(instruction).startsWith("BUG"))
      throw new Error(`no instruction: ${JSON.stringify(instruction)}`);
  }
  const level = programLevel(instructions);
  if (level > cpu) throw new Error(`${name} has instructions of ${level}, not of ${cpu}`);
  let at = 0;
  for (const instruction of instructions) {
    at += slotCount(instruction);
    const distance = jumpDistance(instruction);
    if (distance !== undefined && !starts.has(at + distance))
      throw new Error(`jump from slot ${at - 1} of ${name} to ${at + distance}, where no instruction starts`);
  }
}

/** Slots from the next instruction to the target of a jump; undefined for everything else. */
function jumpDistance({ opcode, off, imm }: Instruction): number | undefined {
  const family = opcode & 7;
  const operation = opcode & 0xf0;
  if (family !== 5 && family !== 6) return undefined;
  // Calls and exits.
  if (operation === 0x80 || operation === 0x90) return undefined;
  return family === 6 && operation === 0 ? imm : off;
}
