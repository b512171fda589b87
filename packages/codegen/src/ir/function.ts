/** Functions and their blocks. */
import type { Attachment, Instruction } from "./instruction.ts";
import type { FunctionType, PointerType } from "./type.ts";
import type { Attributes, Parameter } from "./value.ts";

/** How a symbol is linked. `private` and `internal` are local to the object. */
export type Linkage =
  | "external"
  | "internal"
  | "private"
  | "weak"
  | "weak_odr"
  | "linkonce"
  | "linkonce_odr"
  | "extern_weak"
  | "common"
  | "appending"
  | "available_externally";

/** ELF visibility. */
export type Visibility = "default" | "hidden" | "protected";

/** A straight run of instructions that ends in a terminator. */
export interface BasicBlock {
  readonly kind: "block";
  /** The IR name without `%`; a number where the block has none. */
  name: string;
  instructions: Instruction[];
}

/** A function: a definition has blocks, the first being its entry; a declaration has none. As a value, its address. */
export interface IrFunction {
  readonly kind: "function";
  readonly type: PointerType;
  readonly name: string;
  /** Changed, like `parameters`, where a pass splits parameters. */
  functionType: FunctionType;
  readonly linkage: Linkage;
  readonly visibility: Visibility;
  readonly callingConvention: string;
  readonly section: string | undefined;
  readonly align: number | undefined;
  parameters: readonly Parameter[];
  readonly resultAttributes: Attributes;
  /** Attribute groups already merged in: `noinline`, `alwaysinline`, `"target-cpu"`... */
  readonly attributes: Attributes;
  blocks: BasicBlock[];
  /** Metadata id of the DISubprogram. */
  readonly subprogram: number | undefined;
  readonly attachments: readonly Attachment[];
}

/** True for functions without a body. */
export function isDeclaration(fn: IrFunction): boolean {
  return fn.blocks.length === 0;
}

/** A new, empty block; the caller places it in `blocks`. */
export function newBlock(name: string): BasicBlock {
  return { kind: "block", name, instructions: [] };
}

/** The terminator of a finished block; undefined while a pass is still building it. */
export function terminatorOf(block: BasicBlock): Instruction | undefined {
  return block.instructions[block.instructions.length - 1];
}
