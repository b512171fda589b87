/** `bpfkit prog dump`: a loaded program's instructions, or its machine code. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import {
  type JsonNode,
  LoadedTypes,
  type MachineFunction,
  machineFunctions,
  selectedObject,
  selectedObjects,
  type TranslatedInstruction,
  translatedInstructions,
} from "bpfkit";
import { writeWhole } from "../output/write-file.ts";
import { hexText, hexWords } from "./hex.ts";
import type { Findings } from "./open.ts";
import { programWays, type Words } from "./words.ts";

/** Options that are written with dashes, too. */
export interface DumpFlags {
  readonly linum?: boolean | undefined;
  readonly opcodes?: boolean | undefined;
}

interface DumpOptions {
  readonly linum: boolean;
  readonly opcodes: boolean;
  readonly file?: string;
}

function options(words: Words, flags: DumpFlags): DumpOptions {
  let linum = flags.linum === true;
  let opcodes = flags.opcodes === true;
  let file: string | undefined;
  while (words.next !== undefined) {
    const word = words.choice("option of dump", ["linum", "opcodes", "file"]);
    if (word === "linum") linum = true;
    else if (word === "opcodes") opcodes = true;
    else file = words.take("the file's name");
  }
  return { linum, opcodes, ...(file === undefined ? {} : { file }) };
}

/** Of a name or tag that fits several programs, all are shown. @throws BpfkitError KO006 where the kernel hides them */
export function dumpPrograms(kernel: Kernel, words: Words, flags: DumpFlags): Findings | undefined {
  const form = words.choice("form of a program", ["xlated", "jited"]);
  const selector = words.requiredSelector("the program", programWays);
  const { linum, opcodes, file } = options(words, flags);
  if (file !== undefined) {
    const bytes = selectedObject(kernel, "program", selector, (fd) => codeOf(kernel, fd, form));
    writeWhole(file, bytes);
    return undefined;
  }
  if (form === "jited")
    return machineCode(
      selectedObjects(kernel, "program", selector, (fd) => {
        codeOf(kernel, fd, form);
        return machineFunctions(kernel, fd);
      }),
    );
  const types = new LoadedTypes(kernel);
  const programs = selectedObjects(kernel, "program", selector, (fd) => {
    codeOf(kernel, fd, form);
    return { id: kernel.objects.programInfo(fd).id, instructions: translatedInstructions(kernel, types, fd) };
  });
  const json = programs.map(({ instructions }) =>
    instructions.map((each) => instructionJson(each, linum, opcodes)),
  );
  return {
    json: json.length === 1 ? (json[0] ?? null) : json,
    lines: () =>
      programs.flatMap(({ id, instructions }) => [
        ...(programs.length > 1 ? [`${id}:`] : []),
        ...instructions.flatMap((each) => instructionLines(each, linum, opcodes)),
      ]),
  };
}

function codeOf(kernel: Kernel, fd: Fd, form: "xlated" | "jited"): Uint8Array {
  const code = kernel.objects.programCode(fd);
  const bytes = form === "xlated" ? code.translated : code.jited;
  if (bytes.length > 0) return bytes;
  const what = form === "xlated" ? "instructions" : "machine code";
  const hint =
    form === "jited" && kernel.objects.programInfo(fd).jitedSizeBytes === 0
      ? "The program was not compiled: sysctl net.core.bpf_jit_enable is 0 or the kernel has no compiler."
      : "It shows them only to root, with the sysctls kernel.kptr_restrict below 2 and net.core.bpf_jit_harden at 0.";
  throw new BpfkitError("KO006", `the kernel does not show the ${what} of this program`, { hint });
}

function instructionLines(
  { slot, prototype, source, text, bytes }: TranslatedInstruction,
  linum: boolean,
  opcodes: boolean,
): string[] {
  const lines: string[] = [];
  if (prototype !== undefined) lines.push(`${prototype}:`);
  if (source !== undefined) {
    const place = linum ? ` [file:${source.file} line_num:${source.line} line_col:${source.column}]` : "";
    lines.push(`; ${source.text.trimStart()}${place}`);
  }
  lines.push(`${String(slot).padStart(4)}: ${text}`);
  if (opcodes) lines.push(`       ${hexText(bytes).replaceAll("  ", " ")}`);
  return lines;
}

function instructionJson(each: TranslatedInstruction, linum: boolean, opcodes: boolean): JsonNode {
  const { prototype, source, text, bytes, instruction } = each;
  const { opcode, src, dst } = instruction;
  const hex = (value: number) => `0x${value.toString(16)}`;
  const immediate = bytes.length === 16 ? bytes.slice(4, 16) : bytes.slice(4, 8);
  return {
    ...(prototype === undefined ? {} : { proto: prototype }),
    ...(source === undefined ? {} : { src: source.text.trimStart() }),
    ...(source === undefined || !linum
      ? {}
      : { file: source.file, line_num: source.line, line_col: source.column }),
    disasm: text,
    ...(opcodes
      ? {
          opcodes: {
            code: hexWords(Uint8Array.of(opcode))[0] ?? null,
            src_reg: hex(src),
            dst_reg: hex(dst),
            off: hexWords(bytes.slice(2, 4)),
            imm: hexWords(immediate),
          },
        }
      : {}),
  };
}

function machineCode(programs: readonly (readonly MachineFunction[])[]): Findings {
  const functions = programs.flat();
  return {
    json: functions.map(({ name, address, bytes }) => ({
      name,
      address: `0x${address.toString(16)}`,
      bytes: hexWords(bytes),
    })),
    lines: () =>
      functions.flatMap(({ name, address, bytes }) => [
        `0x${address.toString(16)}: ${name}`,
        hexText(bytes),
        "",
      ]),
  };
}
