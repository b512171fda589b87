/** The state of instruction selection for one function, and the primitives the opcode families emit with. */
import type { BpfkitError } from "@bpfkit/base/diagnostics";
import { InternalError } from "@bpfkit/base/diagnostics";
import type { BasicBlock, IrFunction } from "../ir/function.ts";
import type { Instruction } from "../ir/instruction.ts";
import type { IrModule } from "../ir/module.ts";
import { operandsOf } from "../ir/operands.ts";
import type { Type } from "../ir/type.ts";
import { printType } from "../ir/type.ts";
import type { Value } from "../ir/value.ts";
import type { CpuFeatures, MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { AluOperation, MachineInstruction, MachineOpcode } from "../machine/machine-instruction.ts";
import { instruction } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import { rootOf } from "./address.ts";
import { aluSignificantBits, fitsSigned32 } from "./bits.ts";
import { Refusal, refusal } from "./refuse.ts";

/** The second operand of an operation: a register, or an immediate where `register` is `noRegister`. */
export interface Operand {
  readonly register: Register;
  readonly imm: number;
}

/** Selection of one function. */
export class Selector {
  readonly module: IrModule;
  readonly fn: IrFunction;
  readonly machine: MachineFunction;
  readonly features: CpuFeatures;
  /** Who uses each instruction's result, once per operand. */
  readonly users = new Map<Value, Instruction[]>();
  /** Machine block that an IR block starts with. */
  readonly entries = new Map<BasicBlock, MachineBlock>();
  /** Machine block in which an IR block's terminator begins. */
  readonly exits = new Map<BasicBlock, MachineBlock>();
  /** IR block that a machine block belongs to, by machine block id. */
  readonly owners: BasicBlock[] = [];
  /** Frame slot of each alloca. */
  readonly slots = new Map<Value, number>();
  /** Geps with variable indices, as a register and constant bytes that are still to be added. */
  readonly sums = new Map<Value, { readonly register: Register; readonly offset: number }>();
  /** Registers of results that are structs: the outputs of inline assembly. */
  readonly parts = new Map<Value, readonly Register[]>();
  /** Registers of loads that extend the sign themselves, with the bits they load. */
  readonly signedLoads = new Map<Register, number>();
  /** Instructions already selected together with an earlier one. */
  readonly done = new Set<Instruction>();
  /** Where code is being appended. */
  block: MachineBlock;
  /** The IR block being selected. */
  irBlock: BasicBlock;
  /** Index of the instruction being selected in its IR block. */
  position = 0;
  /** Metadata id of the current DILocation, -1 for none. */
  location = -1;
  readonly #homes = new Map<Instruction, BasicBlock>();
  readonly #values = new Map<Value, Register>();
  #counted: BasicBlock | undefined;
  readonly #frameArguments = new Map<string, number>();
  #scope = new Scope(undefined);
  readonly #scopes = new Map<MachineBlock, Scope>();

  constructor(module: IrModule, fn: IrFunction, machine: MachineFunction) {
    this.module = module;
    this.fn = fn;
    this.machine = machine;
    this.features = machine.features;
    this.irBlock = fn.blocks[0]!;
    this.block = machine.newBlock();
    machine.blocks.push(this.block);
    for (const block of fn.blocks) {
      for (const user of block.instructions) {
        this.#homes.set(user, block);
        for (const operand of operandsOf(user)) {
          if (operand.kind !== "instruction") continue;
          const list = this.users.get(operand);
          if (list === undefined) this.users.set(operand, [user]);
          else list.push(user);
        }
      }
    }
  }

  /** An error at the current line of C. */
  refuse(code: string, message: string, hint?: string): BpfkitError {
    const location = this.location >= 0 ? this.location : this.fn.subprogram;
    return refusal(this.module.metadata, code, `${message} (function ${this.fn.name})`, location, hint);
  }

  /** Appends an instruction. */
  emit(
    opcode: MachineOpcode,
    fields: Partial<Omit<MachineInstruction, "opcode" | "location">>,
  ): MachineInstruction {
    const insn = instruction(opcode, fields);
    insn.location = this.location;
    this.block.instructions.push(insn);
    return insn;
  }

  /**
   * Continues in another block, which belongs to the IR block being selected; it is appended to the function.
   * @param from a block on every way to this one, without calls in between: its constants are still at hand
   */
  startBlock(block: MachineBlock, from?: MachineBlock): void {
    this.block = block;
    this.owners[block.id] = this.irBlock;
    this.machine.blocks.push(block);
    this.#scope = new Scope(from === undefined ? undefined : this.#scopes.get(from));
    this.#scopes.set(block, this.#scope);
  }

  /** How often calls of the current IR block take each address on the stack, by slot and offset. */
  frameArguments(): ReadonlyMap<string, number> {
    if (this.#counted === this.irBlock) return this.#frameArguments;
    this.#counted = this.irBlock;
    this.#frameArguments.clear();
    for (const insn of this.irBlock.instructions) {
      if (insn.opcode !== "call") continue;
      for (const value of insn.args) {
        const { root, offset } = rootOf(value);
        const slot = this.slots.get(root);
        if (slot === undefined) continue;
        const key = `${slot}+${offset}`;
        this.#frameArguments.set(key, (this.#frameArguments.get(key) ?? 0) + 1);
      }
    }
    return this.#frameArguments;
  }

  /** Constants materialised so far are no longer at hand. */
  forgetConstants(): void {
    this.#scope = new Scope(undefined);
  }

  /** After a call, later blocks would have to keep constants in registers that live across it: they make new ones. */
  crossCall(): void {
    this.#scopes.set(this.block, this.#scope.afterCall());
  }

  /** What was computed for a key in this block or one before it, else what `make` computes. */
  shared(key: string, make: () => Register): Register {
    const known = this.#scope.find(key);
    if (known !== undefined) return known;
    const register = make();
    this.#share(key, register);
    return register;
  }

  #share(key: string, register: Register): void {
    this.#scope.add(key, register);
    const inherited = this.#scopes.get(this.block);
    if (inherited !== undefined && inherited !== this.#scope) inherited.add(key, register);
  }

  /** Bits of the register class that holds an integer: 32 on w registers, else 64. @throws where it is too wide. */
  classOf(bits: number): 32 | 64 {
    if (bits > 64) throw this.refuse(Refusal.Unsupported, `an integer of ${bits} bits is not supported here`);
    return bits <= 32 && this.features.alu32 ? 32 : 64;
  }

  /** Bits of a scalar type. @throws BpfkitError for floats, vectors and aggregates. */
  bitsOf(type: Type): number {
    if (type.kind === "integer") return type.bits;
    if (type.kind === "pointer") return 64;
    if (type.kind === "float")
      throw this.refuse(Refusal.FloatingPoint, "BPF has no floating point", "Use integers or fixed point.");
    throw this.refuse(Refusal.Unsupported, `a value of type ${printType(type)} is not supported here`);
  }

  /** Says that the value lives in the register. */
  define(value: Value, register: Register): void {
    this.#values.set(value, register);
  }

  /** The register of an instruction or parameter already selected; undefined otherwise. */
  known(value: Value): Register | undefined {
    return this.#values.get(value);
  }

  /** The register of an instruction or parameter. */
  registerOf(value: Value): Register {
    const register = this.#values.get(value);
    if (register === undefined) {
      const name = "name" in value ? value.name : "";
      throw new InternalError(`value ${value.kind} ${name} was not selected in ${this.fn.name}`);
    }
    return register;
  }

  /** Appends `dst = a operation b` into a new register. */
  alu(operation: AluOperation, width: 32 | 64, a: Register, b: Operand): Register {
    const bits = this.machine.significantBits;
    const right = b.register === noRegister ? { imm: b.imm } : { bits: bits[b.register] ?? 64 };
    const dst = this.machine.newRegister(aluSignificantBits(operation, width, bits[a] ?? 64, right));
    this.emit("alu", { operation, width, dst, a, b: b.register, imm: b.imm });
    return dst;
  }

  /** Appends `dst = a operation imm`. */
  aluImmediate(operation: AluOperation, width: 32 | 64, a: Register, imm: number): Register {
    return this.alu(operation, width, a, { register: noRegister, imm });
  }

  /**
   * A register holding 64 bits of constant. In the same block the same constant is shared.
   * @param content as an unsigned 64-bit number
   */
  constant(content: bigint): Register {
    return this.shared(`${content}`, () => {
      const register = this.machine.newRegister(significantBitsOf(content));
      this.moveConstant(register, content);
      return register;
    });
  }

  /**
   * A register holding a constant that joins others in a phi. Shared only with the code just before, so that it can
   * take the phi's register.
   */
  constantForPhi(content: bigint): Register {
    const known = this.#scopes.get(this.block)?.own(`${content}`);
    if (known !== undefined) return known;
    const register = this.machine.newRegister(significantBitsOf(content));
    this.moveConstant(register, content);
    return register;
  }

  /** The IR block an instruction is in. */
  blockOf(insn: Instruction): BasicBlock | undefined {
    return this.#homes.get(insn);
  }

  /** Appends the shortest instruction that sets a register to 64 bits of constant. */
  moveConstant(dst: Register, content: bigint): void {
    const signed = BigInt.asIntN(64, content);
    if (fitsSigned32(signed)) {
      const small = signed >= 0n && this.features.alu32;
      this.emit("move", { dst, imm: Number(signed), width: small ? 32 : 64 });
    } else if (content <= 0xffff_ffffn && this.features.alu32) {
      this.emit("move", { dst, imm: Number(BigInt.asIntN(32, content)), width: 32 });
    } else {
      this.emit("load-imm64", {
        dst,
        imm: Number(BigInt.asIntN(32, content)),
        immHigh: Number(BigInt.asIntN(32, content >> 32n)),
      });
    }
  }

  /** A register holding the address of a global; shared within the block. */
  addressOf(symbol: string): Register {
    return this.shared(`&${symbol}`, () => {
      const dst = this.machine.newRegister();
      this.emit("address", { dst, symbol });
      return dst;
    });
  }
}

/** Values computed once and shared, by key; a scope sees those of the block before it too. */
class Scope {
  readonly #parent: Scope | undefined;
  readonly #values = new Map<string, Register>();

  constructor(parent: Scope | undefined) {
    this.#parent = parent;
  }

  find(key: string): Register | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#parent) {
      const register = scope.#values.get(key);
      if (register !== undefined) return register;
    }
    return undefined;
  }

  /** What was added to this scope itself. */
  own(key: string): Register | undefined {
    return this.#values.get(key);
  }

  add(key: string, register: Register): void {
    this.#values.set(key, register);
  }

  /** A scope for the blocks that follow a call. */
  afterCall(): Scope {
    return new Scope(undefined);
  }
}

function significantBitsOf(content: bigint): number {
  return content === 0n ? 0 : content.toString(2).length;
}
