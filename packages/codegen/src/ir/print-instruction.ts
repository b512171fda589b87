/** Prints instructions. */
import { quoteText } from "./escape.ts";
import type { BasicBlock } from "./function.ts";
import type { CallLike, Instruction } from "./instruction.ts";
import { printAttributes } from "./print-attributes.ts";
import { printField } from "./print-metadata.ts";
import { printConstant } from "./print-value.ts";
import { printType, quoteName } from "./type.ts";
import type { Value } from "./value.ts";

/** Prints the instructions of one function. */
export class InstructionPrinter {
  private readonly names: ReadonlyMap<object, string>;

  /** @param names names of parameters, blocks and results */
  constructor(names: ReadonlyMap<object, string>) {
    this.names = names;
  }

  /** The whole line, without indentation. */
  print(instruction: Instruction): string {
    const name = instruction.type.kind === "void" ? "" : `${this.value(instruction)} = `;
    let text = name + this.operation(instruction);
    if (instruction.debugLocation !== undefined) text += `, !dbg !${instruction.debugLocation}`;
    for (const { name: attachment, id } of instruction.attachments) text += `, !${attachment} !${id}`;
    return text;
  }

  private value(value: Value): string {
    switch (value.kind) {
      case "instruction":
      case "parameter":
        return `%${quoteName(this.names.get(value) ?? value.name)}`;
      case "asm": {
        const flags = value.sideEffects ? "sideeffect " : "";
        return `asm ${flags}${quoteText(value.text)}, ${quoteText(value.constraints)}`;
      }
      case "metadata":
        return printField(value.field);
      default:
        return printConstant(value);
    }
  }

  private typed(value: Value): string {
    return `${printType(value.type)} ${this.value(value)}`;
  }

  private label(block: BasicBlock): string {
    return `label %${quoteName(this.names.get(block) ?? block.name)}`;
  }

  private operation(instruction: Instruction): string {
    switch (instruction.opcode) {
      case "icmp":
      case "fcmp": {
        const { predicate, lhs, rhs, opcode } = instruction;
        return `${opcode} ${predicate} ${this.typed(lhs)}, ${this.value(rhs)}`;
      }
      case "select": {
        const { condition, ifTrue, ifFalse } = instruction;
        return `select ${[condition, ifTrue, ifFalse].map((each) => this.typed(each)).join(", ")}`;
      }
      case "phi": {
        const ways = instruction.incoming.map(
          ({ value, block }) => `[ ${this.value(value)}, ${this.label(block).slice("label ".length)} ]`,
        );
        return `phi ${printType(instruction.type)} ${ways.join(", ")}`;
      }
      case "freeze":
        return `freeze ${this.typed(instruction.value)}`;
      case "call":
      case "callbr":
        return this.call(instruction);
      case "extractvalue":
        return `extractvalue ${this.typed(instruction.aggregate)}, ${instruction.indices.join(", ")}`;
      case "insertvalue": {
        const { aggregate, element, indices } = instruction;
        return `insertvalue ${this.typed(aggregate)}, ${this.typed(element)}, ${indices.join(", ")}`;
      }
      case "unsupported":
        return `; ${instruction.mnemonic}`;
      default:
        return this.memoryOrBranch(instruction);
    }
  }

  private memoryOrBranch(instruction: Instruction): string {
    switch (instruction.opcode) {
      case "br":
        return `br ${this.label(instruction.target)}`;
      case "condbr": {
        const { condition, ifTrue, ifFalse } = instruction;
        return `br ${this.typed(condition)}, ${this.label(ifTrue)}, ${this.label(ifFalse)}`;
      }
      case "switch": {
        const cases = instruction.cases.map(
          (each) => `${this.typed(each.value)}, ${this.label(each.target)}`,
        );
        const head = `switch ${this.typed(instruction.value)}, ${this.label(instruction.defaultTarget)}`;
        return `${head} [ ${cases.join(" ")} ]`;
      }
      case "indirectbr": {
        const targets = instruction.targets.map((each) => this.label(each)).join(", ");
        return `indirectbr ${this.typed(instruction.address)}, [${targets}]`;
      }
      case "ret":
        return instruction.value === undefined ? "ret void" : `ret ${this.typed(instruction.value)}`;
      case "unreachable":
        return "unreachable";
      case "load": {
        const { volatile, ordering, type, pointer, align } = instruction;
        const access = `load ${flags(volatile, ordering)}${printType(type)}, ${this.typed(pointer)}`;
        return `${access}${order(ordering)}, align ${align}`;
      }
      case "store": {
        const { volatile, ordering, value, pointer, align } = instruction;
        const access = `store ${flags(volatile, ordering)}${this.typed(value)}, ${this.typed(pointer)}`;
        return `${access}${order(ordering)}, align ${align}`;
      }
      case "gep": {
        const operands = [instruction.pointer, ...instruction.indices].map((each) => this.typed(each));
        const flag = instruction.inbounds ? "inbounds " : "";
        return `getelementptr ${flag}${printType(instruction.sourceType)}, ${operands.join(", ")}`;
      }
      case "alloca": {
        const { allocatedType, count, align } = instruction;
        return `alloca ${printType(allocatedType)}, ${this.typed(count)}, align ${align}`;
      }
      default:
        return this.atomicOrArithmetic(instruction);
    }
  }

  private atomicOrArithmetic(instruction: Instruction): string {
    switch (instruction.opcode) {
      case "atomicrmw": {
        const { operation, pointer, value, ordering, align, volatile } = instruction;
        const head = `atomicrmw ${volatile ? "volatile " : ""}${operation}`;
        return `${head} ${this.typed(pointer)}, ${this.typed(value)} ${ordering}, align ${align}`;
      }
      case "cmpxchg": {
        const { pointer, expected, replacement, successOrdering, failureOrdering, align } = instruction;
        const operands = [pointer, expected, replacement].map((each) => this.typed(each)).join(", ");
        const weak = `${instruction.weak ? "weak " : ""}${instruction.volatile ? "volatile " : ""}`;
        return `cmpxchg ${weak}${operands} ${successOrdering} ${failureOrdering}, align ${align}`;
      }
      case "fence": {
        const scope = instruction.syncScope === "" ? "" : `syncscope("${instruction.syncScope}") `;
        return `fence ${scope}${instruction.ordering}`;
      }
      default:
        if ("lhs" in instruction) {
          const { opcode, lhs, rhs } = instruction;
          const flagText = "flags" in instruction ? instruction.flags.map((flag) => `${flag} `).join("") : "";
          return `${opcode} ${flagText}${this.typed(lhs)}, ${this.value(rhs)}`;
        }
        if ("flags" in instruction) {
          const { opcode, value, type } = instruction;
          const flagText = instruction.flags.map((flag) => `${flag} `).join("");
          return `${opcode} ${flagText}${this.typed(value)} to ${printType(type)}`;
        }
        return `; ${instruction.opcode}`;
    }
  }

  private call(instruction: CallLike & Instruction): string {
    const tail = instruction.opcode === "call" && instruction.tail !== "none" ? `${instruction.tail} ` : "";
    const convention = instruction.callingConvention === "ccc" ? "" : `${instruction.callingConvention} `;
    const resultAttributes = printAttributes(instruction.resultAttributes);
    const { functionType } = instruction;
    const type = functionType.variadic ? printType(functionType) : printType(functionType.result);
    const args = instruction.args.map((argument, index) => {
      const attributes = printAttributes(instruction.argumentAttributes[index] ?? new Map());
      return `${printType(argument.type)} ${attributes === "" ? "" : `${attributes} `}${this.value(argument)}`;
    });
    const attributes = printAttributes(instruction.attributes);
    let text = `${tail}${instruction.opcode} ${convention}${resultAttributes === "" ? "" : `${resultAttributes} `}`;
    text += `${type} ${this.value(instruction.callee)}(${args.join(", ")})`;
    if (attributes !== "") text += ` ${attributes}`;
    if (instruction.opcode !== "callbr") return text;
    const indirect = instruction.indirect.map((each) => this.label(each)).join(", ");
    return `${text} to ${this.label(instruction.fallthrough)} [${indirect}]`;
  }
}

function flags(volatile: boolean, ordering: string): string {
  return `${ordering === "notatomic" ? "" : "atomic "}${volatile ? "volatile " : ""}`;
}

function order(ordering: string): string {
  return ordering === "notatomic" ? "" : ` ${ordering}`;
}
