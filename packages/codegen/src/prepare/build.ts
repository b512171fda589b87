/** Makes instructions for the preparation passes. */
import type {
  BasicBlock,
  BinaryInstruction,
  BinaryOpcode,
  BranchInstruction,
  CallInstruction,
  CastInstruction,
  CastOpcode,
  CompareInstruction,
  ConditionalBranchInstruction,
  ExtractValueInstruction,
  FreezeInstruction,
  GepInstruction,
  InsertValueInstruction,
  Instruction,
  InstructionBase,
  IntegerPredicate,
  IrFunction,
  LoadInstruction,
  PhiIncoming,
  PhiInstruction,
  SelectInstruction,
  StoreInstruction,
  Type,
  Value,
} from "../ir/index.ts";
import { i1, i8, i64, intOf, ptr, voidType } from "../ir/index.ts";

const noFlags: readonly string[] = [];

/** Collects new instructions that all carry the debug location of the one they replace. */
export class InstructionList {
  readonly list: Instruction[] = [];
  private readonly location: number | undefined;

  constructor(location: number | undefined) {
    this.location = location;
  }

  /** Fields common to all instructions. */
  private base(type: Type): InstructionBase {
    return { kind: "instruction", type, name: "", debugLocation: this.location, attachments: [] };
  }

  private push<I extends Instruction>(instruction: I): I {
    this.list.push(instruction);
    return instruction;
  }

  binary(opcode: BinaryOpcode, lhs: Value, rhs: Value): BinaryInstruction {
    return this.push({ ...this.base(lhs.type), opcode, lhs, rhs, flags: noFlags });
  }

  /** The same with a constant of the left operand's type. */
  binaryConstant(opcode: BinaryOpcode, lhs: Value, rhs: bigint | number): BinaryInstruction {
    const bits = lhs.type.kind === "integer" ? lhs.type.bits : 64;
    return this.binary(opcode, lhs, intOf(bits, rhs));
  }

  cast(opcode: CastOpcode, value: Value, type: Type): CastInstruction {
    return this.push({ ...this.base(type), opcode, value, flags: noFlags });
  }

  compare(predicate: IntegerPredicate, lhs: Value, rhs: Value): CompareInstruction {
    return this.push({ ...this.base(i1), opcode: "icmp", predicate, lhs, rhs });
  }

  select(condition: Value, ifTrue: Value, ifFalse: Value): SelectInstruction {
    return this.push({ ...this.base(ifTrue.type), opcode: "select", condition, ifTrue, ifFalse });
  }

  load(type: Type, pointer: Value, align: number, volatile = false): LoadInstruction {
    return this.push({ ...this.base(type), opcode: "load", pointer, align, volatile, ordering: "notatomic" });
  }

  store(value: Value, pointer: Value, align: number, volatile = false): StoreInstruction {
    const fields = { value, pointer, align, volatile, ordering: "notatomic" as const };
    return this.push({ ...this.base(voidType), opcode: "store", ...fields });
  }

  /** `pointer + bytes`; the pointer itself for 0. */
  offset(pointer: Value, bytes: number): Value {
    if (bytes === 0) return pointer;
    const indices = [intOf(64, bytes)];
    const base = this.base(pointer.type.kind === "pointer" ? pointer.type : ptr);
    return this.push<GepInstruction>({
      ...base,
      opcode: "gep",
      sourceType: i8,
      pointer,
      indices,
      inbounds: true,
    });
  }

  /** Puts an element into an aggregate. */
  insert(aggregate: Value, element: Value, indices: readonly number[]): InsertValueInstruction {
    return this.push({ ...this.base(aggregate.type), opcode: "insertvalue", aggregate, element, indices });
  }

  /** Takes an element of this type out of an aggregate. */
  extract(type: Type, aggregate: Value, indices: readonly number[]): ExtractValueInstruction {
    return this.push({ ...this.base(type), opcode: "extractvalue", aggregate, indices });
  }

  /** Calls an intrinsic of the bswap family on a 64-bit value. */
  byteSwap(like: IrFunction, value: Value): CallInstruction {
    const functionType = { kind: "function", result: i64, parameters: [i64], variadic: false } as const;
    const callee: IrFunction = { ...like, name: "llvm.bswap.i64", functionType };
    return this.push({
      ...this.base(i64),
      opcode: "call",
      callee,
      functionType,
      args: [value],
      argumentAttributes: [new Map()],
      resultAttributes: new Map(),
      attributes: new Map(),
      callingConvention: "ccc",
      tail: "none",
    });
  }

  freeze(value: Value): FreezeInstruction {
    return this.push({ ...this.base(value.type), opcode: "freeze", value });
  }

  phi(type: Type, incoming: PhiIncoming[]): PhiInstruction {
    return this.push({ ...this.base(type), opcode: "phi", incoming });
  }

  branch(target: BasicBlock): BranchInstruction {
    return this.push({ ...this.base(voidType), opcode: "br", target });
  }

  conditionalBranch(condition: Value, ifTrue: BasicBlock, ifFalse: BasicBlock): ConditionalBranchInstruction {
    return this.push({ ...this.base(voidType), opcode: "condbr", condition, ifTrue, ifFalse });
  }
}
