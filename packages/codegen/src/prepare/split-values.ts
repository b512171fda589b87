/** Takes values apart that no register holds, aggregates or wide integers, all over a function. */
import { InternalError } from "@bpfkit/base/diagnostics";
import type {
  BasicBlock,
  CallInstruction,
  Constant,
  Instruction,
  IrFunction,
  IrModule,
  Parameter,
  PhiInstruction,
  Type,
  Value,
} from "../ir/index.ts";
import { isConstant, operandsOf, replaceValues } from "../ir/index.ts";
import { Refusal, refusal } from "../select/refuse.ts";
import { reversePostorder } from "./block-order.ts";
import { InstructionList } from "./build.ts";

/** The parts of a value that is split. */
export type Parts = (value: Value) => readonly Value[];

/** What an instruction becomes: one value, the parts of one, nothing ("removed"), or undefined: it is not known. */
export type SplitResult = Value | readonly Value[] | "removed" | undefined;

/** One kind of splitting. */
export interface Splitting {
  /** Types of the parts; undefined for types that are left alone. */
  partTypes(type: Type): readonly Type[] | undefined;
  /** The parts of a constant. */
  constantParts(constant: Constant): readonly Value[];
  /** Lowers an instruction that has a split operand or result; phis, selects and calls are done elsewhere. */
  expand(instruction: Instruction, code: InstructionList, parts: Parts): SplitResult;
  /** What is said about an instruction that cannot be split. */
  describe(instruction: Instruction): string;
}

/** The function being split. */
interface Work {
  readonly module: IrModule;
  readonly splitting: Splitting;
  readonly known: Map<Value, readonly Value[]>;
  readonly replacements: Map<Value, Value>;
  readonly phis: { readonly whole: PhiInstruction; readonly parts: readonly PhiInstruction[] }[];
}

/** Splits parameters of all functions, then the bodies. @throws BpfkitError CG101 for what cannot be split. */
export function splitValues(module: IrModule, splitting: Splitting): void {
  const known = new Map<Value, readonly Value[]>();
  for (const fn of module.functions) splitParameters(fn, splitting, known);
  for (const fn of module.functions) {
    const work: Work = { module, splitting, known, replacements: new Map(), phis: [] };
    const touched = fn.blocks.some((block) => block.instructions.some((each) => isTouched(work, each)));
    if (touched) splitBody(work, fn);
  }
}

function splitParameters(fn: IrFunction, splitting: Splitting, known: Map<Value, readonly Value[]>): void {
  if (!fn.parameters.some((each) => splitting.partTypes(each.type) !== undefined)) return;
  const parameters: Parameter[] = [];
  for (const parameter of fn.parameters) {
    const types = splitting.partTypes(parameter.type);
    if (types === undefined) {
      parameters.push({ ...parameter, index: parameters.length });
      known.set(parameter, [parameters[parameters.length - 1] as Parameter]);
      continue;
    }
    const parts = types.map((type, index): Parameter => {
      const name = `${parameter.name}.${index}`;
      return { kind: "parameter", type, name, index: parameters.length + index, attributes: new Map() };
    });
    parameters.push(...parts);
    known.set(parameter, parts);
  }
  const moved = new Map<Value, Value>();
  for (const parameter of fn.parameters) {
    if (splitting.partTypes(parameter.type) !== undefined) continue;
    moved.set(parameter, known.get(parameter)?.[0] as Value);
    known.delete(parameter);
  }
  fn.parameters = parameters;
  fn.functionType = { ...fn.functionType, parameters: parameters.map((each) => each.type) };
  replaceValues(fn, moved);
}

function isTouched(work: Work, instruction: Instruction): boolean {
  const { splitting } = work;
  if (splitting.partTypes(instruction.type) !== undefined) return true;
  return operandsOf(instruction).some((each) => splitting.partTypes(each.type) !== undefined);
}

function splitBody(work: Work, fn: IrFunction): void {
  for (const block of reversePostorder(fn)) splitBlock(work, block);
  for (const { whole, parts } of work.phis) {
    for (const { value, block } of whole.incoming) {
      const values = partsOf(work, value);
      for (const [index, phi] of parts.entries()) phi.incoming.push({ value: values[index] as Value, block });
    }
  }
  replaceValues(fn, work.replacements);
}

function splitBlock(work: Work, block: BasicBlock): void {
  if (!block.instructions.some((each) => isTouched(work, each))) return;
  const output: Instruction[] = [];
  for (const instruction of block.instructions) {
    if (!isTouched(work, instruction)) {
      output.push(instruction);
      continue;
    }
    const code = new InstructionList(instruction.debugLocation);
    const result = splitInstruction(work, instruction, code);
    if (result === undefined) throw refuse(work, instruction);
    output.push(...code.list);
    if (result === "removed") continue;
    if (Array.isArray(result)) work.known.set(instruction, result);
    else work.replacements.set(instruction, result as Value);
  }
  block.instructions = output;
}

function splitInstruction(work: Work, instruction: Instruction, code: InstructionList): SplitResult {
  const parts: Parts = (value) => partsOf(work, value);
  const expanded = work.splitting.expand(instruction, code, parts);
  if (expanded !== undefined) return expanded;
  switch (instruction.opcode) {
    case "phi": {
      const types = work.splitting.partTypes(instruction.type) ?? [];
      const phis = types.map((type) => code.phi(type, []));
      work.phis.push({ whole: instruction, parts: phis });
      return phis;
    }
    case "select": {
      const { condition } = instruction;
      const ifFalse = parts(instruction.ifFalse);
      return parts(instruction.ifTrue).map((part, index) =>
        code.select(condition, part, ifFalse[index] as Value),
      );
    }
    case "freeze":
      return parts(instruction.value).map((part) => code.freeze(part));
    case "call":
      return splitCall(work, instruction, code);
    case "ret":
      return splitReturn(work, instruction, code);
    default:
      return undefined;
  }
}

/** Arguments become their parts; a result may have one part at most, as there is one register for it. */
function splitCall(work: Work, call: CallInstruction, code: InstructionList): SplitResult {
  const resultParts = work.splitting.partTypes(call.type);
  if (resultParts !== undefined && resultParts.length > 1) return undefined;
  const args: Value[] = [];
  const argumentAttributes: CallInstruction["argumentAttributes"][number][] = [];
  for (const [index, argument] of call.args.entries()) {
    if (work.splitting.partTypes(argument.type) === undefined) {
      args.push(argument);
      argumentAttributes.push(call.argumentAttributes[index] ?? new Map());
      continue;
    }
    for (const part of partsOf(work, argument)) {
      args.push(part);
      argumentAttributes.push(new Map());
    }
  }
  const type = resultParts === undefined ? call.type : (resultParts[0] ?? call.type);
  const parameters = call.functionType.variadic
    ? call.functionType.parameters
    : args.map((each) => each.type);
  const functionType = { ...call.functionType, result: type, parameters };
  const split: CallInstruction = { ...call, type, args, argumentAttributes, functionType };
  code.list.push(split);
  return resultParts === undefined ? split : [split];
}

function splitReturn(
  work: Work,
  instruction: Extract<Instruction, { opcode: "ret" }>,
  code: InstructionList,
): SplitResult {
  if (instruction.value === undefined) return undefined;
  const parts = partsOf(work, instruction.value);
  if (parts.length > 1) return undefined;
  code.list.push({ ...instruction, value: parts[0] });
  return "removed";
}

function partsOf(work: Work, value: Value): readonly Value[] {
  const known = work.known.get(value);
  if (known !== undefined) return known;
  if (isConstant(value)) return work.splitting.constantParts(value);
  throw new InternalError(`no parts of '%${value.kind === "instruction" ? value.name : value.kind}'`);
}

function refuse(work: Work, instruction: Instruction): Error {
  const { metadata } = work.module;
  const message = work.splitting.describe(instruction);
  return refusal(metadata, Refusal.Unsupported, message, instruction.debugLocation);
}
