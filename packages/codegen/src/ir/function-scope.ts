/** Names of the function being parsed, with placeholders for values that are used before their definition. */
import type { BasicBlock } from "./function.ts";
import { newBlock } from "./function.ts";
import type { Instruction, UnsupportedInstruction } from "./instruction.ts";
import type { ParserState } from "./parser-state.ts";
import type { Type } from "./type.ts";
import type { Value } from "./value.ts";

/** Names and forward references of the function being parsed. */
export class FunctionScope {
  readonly blocks = new Map<string, BasicBlock>();
  readonly values = new Map<string, Value>();
  /** Placeholders for values used before their definition. */
  readonly forward = new Map<string, UnsupportedInstruction>();
  /** Instructions that have a placeholder among their operands. */
  readonly unfinished: Instruction[] = [];
  /** True once a placeholder was handed out; whoever looks resets it. */
  usedPlaceholder = false;
  /** The number the next unnamed value or block gets. */
  nextNumber = 0;

  /** The block of this name, met or yet to be met. */
  block(name: string): BasicBlock {
    let block = this.blocks.get(name);
    if (block === undefined) {
      block = newBlock(name);
      this.blocks.set(name, block);
    }
    return block;
  }

  /** The value of this name; a placeholder where it is yet to be met. */
  value(name: string, type: Type): Value {
    const known = this.values.get(name);
    if (known !== undefined) return known;
    this.usedPlaceholder = true;
    const waiting = this.forward.get(name);
    if (waiting !== undefined) return waiting;
    const placeholder: UnsupportedInstruction = {
      kind: "instruction",
      opcode: "unsupported",
      mnemonic: "forward reference",
      type,
      name,
      debugLocation: undefined,
      attachments: [],
    };
    this.forward.set(name, placeholder);
    return placeholder;
  }

  /** Keeps the counter ahead of an explicit number. */
  passNumber(name: string): void {
    const code = name.charCodeAt(0);
    if (code >= 48 && code <= 57 && /^[0-9]+$/.test(name)) this.nextNumber = Number(name) + 1;
  }
}

/** Names a result and enters it among the function's values. */
export function defineValue(state: ParserState, scope: FunctionScope, value: Instruction): void {
  if (scope.values.has(value.name)) throw state.lexer.error(`'%${value.name}' is defined twice`);
  scope.values.set(value.name, value);
}
