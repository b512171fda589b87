/** Structs passed by value through memory: the caller makes the copy that the callee may change. */
import type { AllocaInstruction, CallInstruction, IrFunction, IrModule, Type } from "../ir/index.ts";
import { alignOf, falseValue, intOf, ptr, sizeOf, voidType } from "../ir/index.ts";
import { intrinsicDeclaration } from "./intrinsic-declaration.ts";

/** Replaces `byval` arguments by pointers to copies in the caller's frame. */
export function copyByValueArguments(fn: IrFunction, module: IrModule): void {
  const allocas: AllocaInstruction[] = [];
  for (const block of fn.blocks) {
    const calls = block.instructions.filter(
      (each): each is CallInstruction => each.opcode === "call" && each.argumentAttributes.some(hasByValue),
    );
    for (const call of calls) {
      const copies: CallInstruction[] = [];
      for (const [index, attributes] of call.argumentAttributes.entries()) {
        const type = attributes.get("byval");
        if (typeof type !== "object") continue;
        const alloca = newAlloca(type);
        allocas.push(alloca);
        copies.push(copy(module, call, alloca, index, type));
        call.args[index] = alloca;
      }
      block.instructions.splice(block.instructions.indexOf(call), 0, ...copies);
    }
  }
  fn.blocks[0]?.instructions.unshift(...allocas);
}

function hasByValue(attributes: CallInstruction["argumentAttributes"][number]): boolean {
  return attributes.has("byval");
}

function newAlloca(type: Type): AllocaInstruction {
  return {
    kind: "instruction",
    type: ptr,
    name: "",
    debugLocation: undefined,
    attachments: [],
    opcode: "alloca",
    allocatedType: type,
    count: intOf(32, 1),
    align: Math.max(8, alignOf(type)),
  };
}

function copy(
  module: IrModule,
  call: CallInstruction,
  to: AllocaInstruction,
  index: number,
  type: Type,
): CallInstruction {
  const args = [to, call.args[index] ?? to, intOf(64, sizeOf(type)), falseValue];
  const types = args.map((each) => each.type);
  const callee = intrinsicDeclaration(module, "llvm.memcpy.p0.p0.i64", types);
  const align = call.argumentAttributes[index]?.get("align");
  const source = new Map(typeof align === "number" ? [["align", align] as const] : []);
  return {
    ...call,
    type: voidType,
    name: "",
    callee,
    functionType: callee.functionType,
    args,
    argumentAttributes: [new Map([["align", to.align] as const]), source, new Map(), new Map()],
    resultAttributes: new Map(),
    tail: "none",
  };
}
