/** What two objects made from the same IR have in common, besides the number and order of their instructions. */
import { BtfTable, decodeExtInfo } from "@bpfkit/elf/btf";
import {
  AtomicOp,
  Class,
  classOf,
  decodeInstructions,
  type Instruction,
  JumpOp,
  loadImm64Opcode,
  Mode,
  modeOf,
  operationOf,
  Source,
} from "@bpfkit/elf/isa";
import {
  type ObjectFile,
  type ObjectSymbol,
  readObject,
  relocationTypeName,
  SectionFlag,
} from "@bpfkit/elf/object";
import { listDifference } from "../codegen/compare.ts";

/** Facts of an object by the name of the check that compares them; every list is sorted. */
export type Facts = Readonly<
  Record<"sections" | "symbols" | "relocations" | "ext" | "special", readonly string[]>
>;

/** Sections that only debuggers and linkers on other machines read. */
const ignored = /^\.(?:debug|eh_frame|llvm_addrsig|comment|note|rel)/;

/** Reads an object. @throws BpfkitError for a malformed one */
export function factsOf(bytes: Uint8Array, name: string): Facts & { readonly instructions: number } {
  const object = readObject(bytes, name);
  const code = object.sections.filter(({ flags }) => (flags & SectionFlag.Execinstr) !== 0);
  const instructions = code.flatMap((section) => decodeInstructions(section.data));
  return {
    sections: sectionFacts(object),
    symbols: symbolFacts(object),
    relocations: relocationFacts(object),
    ext: extFacts(object),
    special: distinct(instructions.flatMap((insn) => specialName(insn) ?? [])),
    instructions: code.reduce((sum, { size }) => sum + size / 8, 0),
  };
}

/** The first few differences of each check, in words. */
export function differences(
  ours: Facts,
  native: Facts,
): { readonly check: string; readonly message: string }[] {
  const checks = ["sections", "symbols", "relocations", "ext", "special"] as const;
  return checks.flatMap((check) => {
    const message = listDifference(ours[check], native[check]);
    return message === undefined ? [] : [{ check, message }];
  });
}

function distinct(list: readonly string[]): string[] {
  return [...new Set(list)].sort();
}

function sectionFacts({ sections }: ObjectFile): string[] {
  const kept = sections.filter(({ name }) => !ignored.test(name));
  return kept
    .map(({ name, type, flags, size, entrySize }) => {
      const isCode = (flags & SectionFlag.Execinstr) !== 0 || name.startsWith(".BTF");
      return `${name} type ${type} flags 0x${flags.toString(16)} entry ${entrySize}${isCode ? "" : ` size ${size}`}`;
    })
    .sort();
}

function sectionName(object: ObjectFile, { section }: ObjectSymbol): string {
  return typeof section === "number" ? (object.sections[section]?.name ?? "?") : section;
}

function symbolFacts(object: ObjectFile): string[] {
  const kept = object.symbols.filter(
    (symbol) => symbol.type !== "section" && symbol.type !== "file" && !symbol.name.startsWith("."),
  );
  return kept
    .filter((symbol) => symbol.name !== "" && !/^L/.test(symbol.name))
    .map((symbol) => {
      const size = symbol.type === "object" ? ` size ${symbol.size}` : "";
      const place = sectionName(object, symbol);
      return `${symbol.name} ${symbol.binding} ${symbol.type} ${symbol.visibility} in ${place}${size}`;
    })
    .sort();
}

/** Which section refers how to which symbol; local ones count by their section, since LLVM names that. */
function relocationFacts(object: ObjectFile): string[] {
  const lines = object.sections.flatMap((section) => {
    if (ignored.test(section.name) || section.name.startsWith(".BTF")) return [];
    return section.relocations.map(({ type, symbol }) => {
      const target = object.symbols[symbol] as ObjectSymbol;
      const isLocal = target.type === "section" || target.binding === "local";
      const name = isLocal ? `[${sectionName(object, target)}]` : target.name;
      return `${section.name} ${relocationTypeName(type)} ${name}`;
    });
  });
  return distinct(lines);
}

/** Functions, C lines and CO-RE records of .BTF.ext, without the places of the instructions. */
function extFacts({ sections }: ObjectFile): string[] {
  const btf = sections.find(({ name }) => name === ".BTF");
  const ext = sections.find(({ name }) => name === ".BTF.ext");
  if (btf === undefined || ext === undefined) return [];
  const table = BtfTable.decode(btf.data);
  const info = decodeExtInfo(ext.data, table);
  const nameOf = (id: number): string => {
    const type = table.type(id);
    return `${type.kind} ${"name" in type ? type.name : ""}`;
  };
  const facts: string[] = [];
  for (const [section, list] of info.funcs)
    for (const { typeId } of list) facts.push(`${section} func ${nameOf(typeId)}`);
  for (const [section, list] of info.coreRelocations) {
    for (const { typeId, access, kind } of list)
      facts.push(`${section} core ${nameOf(typeId)} ${access} ${kind}`);
  }
  return distinct(facts);
}

/** What an instruction is called where only some levels or some constructs have it; undefined for all others. */
function specialName(insn: Instruction): string | undefined {
  const { opcode, off, src } = insn;
  const family = classOf(opcode);
  switch (family) {
    case Class.Alu:
    case Class.Alu64:
      return specialAlu(insn);
    case Class.Jmp:
    case Class.Jmp32:
      if (operationOf(opcode) === JumpOp.Jcond) return "may_goto";
      if (operationOf(opcode) === JumpOp.Jset) return "jset";
      if (operationOf(opcode) === JumpOp.Ja && family === Class.Jmp32) return "gotol";
      if (operationOf(opcode) === JumpOp.Call && (opcode & Source.X) !== 0) return "callx";
      if (operationOf(opcode) === JumpOp.Call) return src === 1 ? "call function" : `call ${insn.imm}`;
      return undefined;
    case Class.Stx:
      if (modeOf(opcode) !== Mode.Atomic) return undefined;
      return `${atomicName(insn.imm)}${(opcode & 0x18) === 0 ? 32 : 64}`;
    case Class.Ldx:
      return modeOf(opcode) === Mode.MemSx ? `memsx size ${opcode & 0x18}` : undefined;
    case Class.St:
      return "store immediate";
    default:
      if (opcode === loadImm64Opcode) return undefined;
      return `load packet opcode ${opcode} offset ${off}`;
  }
}

function specialAlu({ opcode, off, imm }: Instruction): string | undefined {
  const operation = operationOf(opcode);
  const width = classOf(opcode) === Class.Alu ? 32 : 64;
  if (operation === 0xd0) return `swap ${opcode} ${imm}`;
  if (operation === 0xb0 && off > 0) return off === 1 ? `addr_space_cast ${imm}` : `movsx ${off} to ${width}`;
  if ((operation === 0x30 || operation === 0x90) && off === 1) return `signed ${operation} on ${width}`;
  return undefined;
}

const atomicNames = new Map<number, string>(Object.entries(AtomicOp).map(([name, number]) => [number, name]));

function atomicName(imm: number): string {
  return atomicNames.get(imm) ?? `atomic ${imm}`;
}
