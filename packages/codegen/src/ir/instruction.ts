/**
 * Instructions of LLVM IR: a union on `opcode` with named operands. An instruction object *is* the value it
 * computes. Passes may assign operand fields; the opcode never changes, a pass makes a new instruction.
 */
import type { BasicBlock } from "./function.ts";
import type { FunctionType, Type } from "./type.ts";
import type { Attributes, ConstantInt, InlineAssembly, Value } from "./value.ts";

/** A metadata attachment: `!tbaa !7` is `{ name: "tbaa", id: 7 }`. `!dbg` is not kept here. */
export interface Attachment {
  readonly name: string;
  readonly id: number;
}

/** What every instruction has. */
export interface InstructionBase {
  readonly kind: "instruction";
  /** Type of the result; `void` where there is none. */
  type: Type;
  /** The IR name without `%`; "" for results that are void or made by a pass. */
  name: string;
  /** Metadata id of the DILocation; undefined where the instruction has none. */
  debugLocation: number | undefined;
  attachments: readonly Attachment[];
}

/** Mnemonics of arithmetic and bitwise operations. */
export const binaryOpcodes = [
  "add",
  "sub",
  "mul",
  "udiv",
  "sdiv",
  "urem",
  "srem",
  "shl",
  "lshr",
  "ashr",
  "and",
  "or",
  "xor",
  "fadd",
  "fsub",
  "fmul",
  "fdiv",
  "frem",
] as const;
/** Two operands of the result's type. */
export type BinaryOpcode = (typeof binaryOpcodes)[number];

/** Mnemonics of conversions; the parser reads `ptrtoaddr` as `ptrtoint`. */
export const castOpcodes = [
  "trunc",
  "zext",
  "sext",
  "ptrtoint",
  "inttoptr",
  "bitcast",
  "addrspacecast",
  "fptrunc",
  "fpext",
  "fptoui",
  "fptosi",
  "uitofp",
  "sitofp",
] as const;
/** One operand of another type. */
export type CastOpcode = (typeof castOpcodes)[number];

/** Comparisons of `icmp`. */
export type IntegerPredicate = "eq" | "ne" | "ugt" | "uge" | "ult" | "ule" | "sgt" | "sge" | "slt" | "sle";

/** Memory orderings. */
export type Ordering =
  | "notatomic"
  | "unordered"
  | "monotonic"
  | "acquire"
  | "release"
  | "acq_rel"
  | "seq_cst";

/** Integer (and, to be refused, floating point) arithmetic. */
export interface BinaryInstruction extends InstructionBase {
  readonly opcode: BinaryOpcode;
  lhs: Value;
  rhs: Value;
  /** `nuw`, `nsw`, `exact`, `disjoint` and fast-math flags. */
  readonly flags: readonly string[];
}

/** A conversion of `value` to the result's type. Those from and to floating point are refused. */
export interface CastInstruction extends InstructionBase {
  readonly opcode: CastOpcode;
  value: Value;
  /** `nneg`, `nuw`, `nsw`. */
  readonly flags: readonly string[];
}

/** Comparison of two integers or pointers of one type; the result is `i1`. */
export interface CompareInstruction extends InstructionBase {
  readonly opcode: "icmp";
  predicate: IntegerPredicate;
  lhs: Value;
  rhs: Value;
}

/** `fcmp`; refused. */
export interface FloatCompareInstruction extends InstructionBase {
  readonly opcode: "fcmp";
  readonly predicate: string;
  lhs: Value;
  rhs: Value;
}

/** One of two values by an `i1`, without a branch. */
export interface SelectInstruction extends InstructionBase {
  readonly opcode: "select";
  condition: Value;
  ifTrue: Value;
  ifFalse: Value;
}

/** One way into a phi. */
export interface PhiIncoming {
  value: Value;
  block: BasicBlock;
}

/** The value of the way on which the block was entered: one entry for each edge into it. */
export interface PhiInstruction extends InstructionBase {
  readonly opcode: "phi";
  incoming: PhiIncoming[];
}

/** `value`, or where it is undef or poison one arbitrary value that stays the same. */
export interface FreezeInstruction extends InstructionBase {
  readonly opcode: "freeze";
  value: Value;
}

/** Unconditional branch. */
export interface BranchInstruction extends InstructionBase {
  readonly opcode: "br";
  target: BasicBlock;
}

/** `br` on an `i1`: the textual form has the same mnemonic as the unconditional one. */
export interface ConditionalBranchInstruction extends InstructionBase {
  readonly opcode: "condbr";
  condition: Value;
  ifTrue: BasicBlock;
  ifFalse: BasicBlock;
}

/** One case of a switch. */
export interface SwitchCase {
  readonly value: ConstantInt;
  target: BasicBlock;
}

/** Removed by the preparation passes. */
export interface SwitchInstruction extends InstructionBase {
  readonly opcode: "switch";
  value: Value;
  defaultTarget: BasicBlock;
  cases: SwitchCase[];
}

/** Jump to an address of a block (computed goto); refused, as BPF has no indirect jumps. */
export interface IndirectBranchInstruction extends InstructionBase {
  readonly opcode: "indirectbr";
  address: Value;
  targets: BasicBlock[];
}

/** End of the function; `value` is undefined for `ret void`. */
export interface ReturnInstruction extends InstructionBase {
  readonly opcode: "ret";
  value: Value | undefined;
}

/** A place that is never reached. */
export interface UnreachableInstruction extends InstructionBase {
  readonly opcode: "unreachable";
}

/** Read of a value of the result's type from memory; `ordering` is `notatomic` unless it is `load atomic`. */
export interface LoadInstruction extends InstructionBase {
  readonly opcode: "load";
  pointer: Value;
  /** Alignment in bytes. */
  align: number;
  readonly volatile: boolean;
  readonly ordering: Ordering;
}

/** Write of `value` to memory, aligned to `align` bytes; `ordering` is `notatomic` unless it is `store atomic`. */
export interface StoreInstruction extends InstructionBase {
  readonly opcode: "store";
  value: Value;
  pointer: Value;
  align: number;
  readonly volatile: boolean;
  readonly ordering: Ordering;
}

/** `getelementptr`: address arithmetic. The first index counts whole `sourceType`s, each other one steps into the type. */
export interface GepInstruction extends InstructionBase {
  readonly opcode: "gep";
  readonly sourceType: Type;
  pointer: Value;
  indices: Value[];
  readonly inbounds: boolean;
}

/** Room on the stack for `count` objects of `allocatedType`, aligned to `align` bytes; the result is its address. */
export interface AllocaInstruction extends InstructionBase {
  readonly opcode: "alloca";
  /** Metadata id of the DILocalVariable that lives here. */
  variable?: number;
  readonly allocatedType: Type;
  /** Number of elements; a constant 1 almost always. */
  count: Value;
  align: number;
}

/** What `call` and `callbr` share. */
export interface CallLike extends InstructionBase {
  callee: Value | InlineAssembly;
  /** Result and parameter types of the callee; `variadic` where the call site says so. */
  readonly functionType: FunctionType;
  args: Value[];
  /** Attributes of each argument, as many as `args`. */
  readonly argumentAttributes: readonly Attributes[];
  readonly resultAttributes: Attributes;
  /** Function attributes at the call site. */
  readonly attributes: Attributes;
  /** `ccc`, `fastcc`, `cc 64`... */
  readonly callingConvention: string;
}

/** Call of a function, a helper by its number, an intrinsic or inline assembly. */
export interface CallInstruction extends CallLike {
  readonly opcode: "call";
  readonly tail: "none" | "tail" | "musttail" | "notail";
}

/** `asm goto`. */
export interface CallBranchInstruction extends CallLike {
  readonly opcode: "callbr";
  fallthrough: BasicBlock;
  indirect: BasicBlock[];
}

/** Operations of atomicrmw. */
export type AtomicOperation = string;

/** Atomic read, change and write of memory; the result is the old value. `align` is in bytes. */
export interface AtomicRmwInstruction extends InstructionBase {
  readonly opcode: "atomicrmw";
  /** `add`, `sub`, `and`, `or`, `xor`, `xchg`, `nand`, `max`... */
  readonly operation: AtomicOperation;
  pointer: Value;
  value: Value;
  readonly ordering: Ordering;
  readonly volatile: boolean;
  align: number;
}

/** The result is `{ T, i1 }`: the old value and whether the exchange happened. */
export interface CompareExchangeInstruction extends InstructionBase {
  readonly opcode: "cmpxchg";
  pointer: Value;
  expected: Value;
  replacement: Value;
  readonly successOrdering: Ordering;
  readonly failureOrdering: Ordering;
  readonly volatile: boolean;
  readonly weak: boolean;
  align: number;
}

/** A barrier between memory accesses; `syncScope` is "" for the whole system. */
export interface FenceInstruction extends InstructionBase {
  readonly opcode: "fence";
  readonly ordering: Ordering;
  readonly syncScope: string;
}

/** A member of a first-class struct or array, by the path `indices`. */
export interface ExtractValueInstruction extends InstructionBase {
  readonly opcode: "extractvalue";
  aggregate: Value;
  readonly indices: readonly number[];
}

/** `aggregate` with the member at the path `indices` replaced by `element`. */
export interface InsertValueInstruction extends InstructionBase {
  readonly opcode: "insertvalue";
  aggregate: Value;
  element: Value;
  readonly indices: readonly number[];
}

/** An instruction BPF has no use for (vectors, exceptions, va_arg): kept only to be refused with its line. */
export interface UnsupportedInstruction extends InstructionBase {
  readonly opcode: "unsupported";
  readonly mnemonic: string;
}

/** Any instruction. */
export type Instruction =
  | BinaryInstruction
  | CastInstruction
  | CompareInstruction
  | FloatCompareInstruction
  | SelectInstruction
  | PhiInstruction
  | FreezeInstruction
  | BranchInstruction
  | ConditionalBranchInstruction
  | SwitchInstruction
  | IndirectBranchInstruction
  | ReturnInstruction
  | UnreachableInstruction
  | LoadInstruction
  | StoreInstruction
  | GepInstruction
  | AllocaInstruction
  | CallInstruction
  | CallBranchInstruction
  | AtomicRmwInstruction
  | CompareExchangeInstruction
  | FenceInstruction
  | ExtractValueInstruction
  | InsertValueInstruction
  | UnsupportedInstruction;

/** Names of all opcodes. */
export type Opcode = Instruction["opcode"];

/** Instructions that end a block. */
export type Terminator =
  | BranchInstruction
  | ConditionalBranchInstruction
  | SwitchInstruction
  | IndirectBranchInstruction
  | ReturnInstruction
  | UnreachableInstruction
  | CallBranchInstruction;

/** True for instructions that end a block. */
export function isTerminator(instruction: Instruction): instruction is Terminator {
  switch (instruction.opcode) {
    case "br":
    case "condbr":
    case "switch":
    case "indirectbr":
    case "ret":
    case "unreachable":
    case "callbr":
      return true;
    default:
      return false;
  }
}

/** The blocks a terminator can go to, in order, repeated where it names one twice. */
export function successorsOf(terminator: Instruction): BasicBlock[] {
  switch (terminator.opcode) {
    case "br":
      return [terminator.target];
    case "condbr":
      return [terminator.ifTrue, terminator.ifFalse];
    case "switch":
      return [terminator.defaultTarget, ...terminator.cases.map((entry) => entry.target)];
    case "indirectbr":
      return [...terminator.targets];
    case "callbr":
      return [terminator.fallthrough, ...terminator.indirect];
    default:
      return [];
  }
}
