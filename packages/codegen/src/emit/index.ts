/** The back end proper: a prepared module to sections, symbols and relocations. */
import { encodeInstructions, slotCount } from "@bpfkit/elf/isa";
import { statementsOf } from "../assembly/index.ts";
import type { EmittedFunction, EmittedInstruction, EmittedModule } from "../debug/emitted-module.ts";
import type { IrFunction } from "../ir/function.ts";
import { isDeclaration } from "../ir/function.ts";
import type { IrModule } from "../ir/module.ts";
import type { Cpu } from "../machine/machine-function.ts";
import { Refusal, refusal } from "../select/refuse.ts";
import { compileFunction } from "./compile-function.ts";
import type { EncodedFunction, PlacedInstruction } from "./encoded.ts";
import { fillGlobals, placeGlobals } from "./globals.ts";
import { encodeFunction } from "./instructions.ts";
import { Refusals } from "./refusals.ts";
import { linkInstruction } from "./relocations.ts";
import { codeSection, SectionTable } from "./sections.ts";
import { SymbolTable } from "./symbols.ts";

/** Options of the back end. */
export interface EmitOptions {
  /** Instruction-set level. */
  readonly cpu: Cpu;
}

/** A function with its code, before symbols are settled. */
interface PlacedFunction {
  readonly fn: IrFunction;
  readonly section: number;
  readonly offset: number;
  readonly encoded: EncodedFunction;
}

const slotBytes = 8;
/** BPF_COMPLEXITY_LIMIT_INSNS of include/linux/bpf_verifier.h, since Linux 5.2; 4096 before and without privileges. */
const maxInstructions = 1_000_000;

/**
 * Compiles all functions and lays out all variables of a module whose IR has been prepared.
 * @throws BpfkitError CG1xx, with diagnostics on the line of C, for what BPF or this back end cannot do
 */
export function emitModule(module: IrModule, options: EmitOptions): EmittedModule {
  refuseModuleAssembly(module);
  const sections = new SectionTable();
  // Loaders look for the section of subprograms first, and LLVM always writes it.
  const text = sections.indexOf(codeSection(undefined));
  sections.drafts[text]!.align = slotBytes;
  const symbols = new SymbolTable(module, (index) => sections.drafts[index]!.name);
  const refusals = new Refusals();
  const placed = module.functions
    .filter((fn) => !isDeclaration(fn) && fn.linkage !== "available_externally")
    .flatMap((fn) => refusals.collect(() => placeFunction(module, fn, options, sections, symbols)));
  refusals.throwFirst();
  const globals = placeGlobals(module, sections, symbols);
  for (const alias of module.aliases) symbols.defineAlias(alias);
  fillGlobals(globals, sections, symbols);
  const functions = placed.map((one) => linkFunction(module, one, sections, symbols));
  return {
    object: { sections: sections.finish(), symbols: symbols.symbols, flags: 0 },
    functions,
    globals: globals.map(({ global, section, offset, size }) => ({ global, section, offset, size })),
  };
}

/** Text like `asm(".weak f");` outside of functions says something of the object, and must not be dropped unread. */
function refuseModuleAssembly(module: IrModule): void {
  const [first] = statementsOf(module.moduleAssembly.join("\n"));
  if (first === undefined) return;
  throw refusal(
    module.metadata,
    Refusal.Assembly,
    `assembly outside of functions is not supported: "${first.text}"`,
    undefined,
    "Use attributes of C, such as __attribute__((weak)), or put it into a function.",
  );
}

function placeFunction(
  module: IrModule,
  fn: IrFunction,
  options: EmitOptions,
  sections: SectionTable,
  symbols: SymbolTable,
): PlacedFunction {
  const machine = compileFunction(module, fn, options.cpu);
  const encoded = encodeFunction(machine, (code, message, location, hint) =>
    refusal(module.metadata, code, message, location >= 0 ? location : fn.subprogram, hint),
  );
  if (encoded.slots > maxInstructions) {
    throw refusal(
      module.metadata,
      Refusal.TooManyInstructions,
      `function ${fn.name} has ${encoded.slots} instructions; a kernel takes at most ${maxInstructions} in a program`,
      fn.subprogram,
      "Make loops that the compiler need not unroll, or split the work over several programs with tail calls.",
    );
  }
  const section = sections.indexOf(codeSection(fn.section));
  const size = encoded.slots * slotBytes;
  const offset = sections.reserve(section, size, slotBytes);
  symbols.define(fn, { section, offset }, size);
  return { fn, section, offset, encoded };
}

function linkFunction(
  module: IrModule,
  { fn, section, offset, encoded }: PlacedFunction,
  sections: SectionTable,
  symbols: SymbolTable,
): EmittedFunction {
  const draft = sections.drafts[section]!;
  const instructions: EmittedInstruction[] = [];
  let at = offset;
  const linked = encoded.code.map((placed) => {
    const { insn, relocation } = linkInstruction(placed, { section, offset: at }, symbols);
    if (relocation !== undefined) draft.relocations.push(relocation);
    instructions.push(describe(module, placed, at));
    at += slotCount(insn) * slotBytes;
    return insn;
  });
  draft.chunks.push({ offset, bytes: encodeInstructions(linked) });
  return { fn, section: draft.name, offset, size: at - offset, instructions };
}

function describe(module: IrModule, placed: PlacedInstruction, offset: number): EmittedInstruction {
  const core = placed.relocation?.kind === "core" ? module.symbols.get(placed.relocation.symbol) : undefined;
  return {
    offset,
    debugLocation: placed.location >= 0 ? placed.location : undefined,
    coreRelocation: core?.kind === "global" ? core : undefined,
  };
}
