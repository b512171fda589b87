/**
 * Pointers into other address spaces, which is where arenas live (kernel 6.9). The kernel lets programs use a pointer
 * into an arena only behind a cast to address space 0, so every access gets one. Facts: LLVM's BPFCheckAndAdjustIR and
 * BPFASpaceCastSimplify.
 */
import type {
  BasicBlock,
  CallInstruction,
  CastInstruction,
  GepInstruction,
  Instruction,
  IrFunction,
  IrModule,
  Value,
} from "../ir/index.ts";
import { mapOperands, operandsOf, ptr, replaceValues } from "../ir/index.ts";
import { InstructionList } from "./build.ts";
import { intrinsicDeclaration } from "./intrinsic-declaration.ts";

/** Casts the pointers of all accesses to address space 0. */
export function castAccessedPointers(fn: IrFunction, module: IrModule): void {
  if (!usesSpaces(fn)) return;
  removeCastsThereAndBack(fn);
  new Caster(fn, module).run();
}

function spaceOf(value: Value): number {
  return value.type.kind === "pointer" ? value.type.addressSpace : 0;
}

function usesSpaces(fn: IrFunction): boolean {
  return fn.blocks.some((block) =>
    block.instructions.some(
      (each) => spaceOf(each) !== 0 || operandsOf(each).some((one) => spaceOf(one) !== 0),
    ),
  );
}

/** A cast to another space, a step on, and the cast back are one step in the first space. */
function removeCastsThereAndBack(fn: IrFunction): void {
  const replacements = new Map<Value, Value>();
  for (const block of fn.blocks) {
    block.instructions = block.instructions.flatMap((outer): Instruction[] => {
      if (outer.opcode !== "addrspacecast") return [outer];
      const gep = outer.value;
      if (gep.kind !== "instruction" || gep.opcode !== "gep") return [outer];
      const inner = gep.pointer;
      if (inner.kind !== "instruction" || inner.opcode !== "addrspacecast") return [outer];
      if (spaceOf(inner.value) !== spaceOf(outer)) return [outer];
      const direct: GepInstruction = { ...gep, type: outer.type, pointer: inner.value, name: outer.name };
      replacements.set(outer, direct);
      return [direct];
    });
  }
  replaceValues(fn, replacements);
}

/** Instructions that go in at a place, found while walking over the function. */
interface Insertion {
  readonly block: BasicBlock;
  /** The instruction to stand behind; undefined for the start of the block, behind its phis. */
  readonly behind: Instruction | undefined;
  readonly instruction: Instruction;
}

class Caster {
  readonly #fn: IrFunction;
  readonly #module: IrModule;
  readonly #homes = new Map<Value, BasicBlock>();
  readonly #casts = new Map<Value, Value>();
  readonly #insertions: Insertion[] = [];

  constructor(fn: IrFunction, module: IrModule) {
    this.#fn = fn;
    this.#module = module;
    for (const block of fn.blocks) for (const each of block.instructions) this.#homes.set(each, block);
  }

  run(): void {
    for (const block of this.#fn.blocks) {
      for (const each of block.instructions) {
        switch (each.opcode) {
          case "load":
          case "store":
          case "atomicrmw":
          case "cmpxchg":
            each.pointer = this.#cast(each.pointer);
            break;
          case "call":
            this.#castTransfer(each);
            break;
          default:
        }
      }
    }
    this.#insert();
  }

  /** memcpy, memmove and memset become those of address space 0. */
  #castTransfer(call: CallInstruction): void {
    if (call.callee.kind !== "function") return;
    const name = /^llvm\.(memcpy|memmove|memset)(\.inline)?\./.exec(call.callee.name)?.[1];
    if (name === undefined || !call.args.some((each) => spaceOf(each) !== 0)) return;
    mapOperands(call, (each) => (each === call.callee ? each : this.#cast(each)));
    const types = call.args.map((each) => each.type);
    const intrinsic = `llvm.${name}.p0.${name === "memset" ? "" : "p0."}i64`;
    const callee = intrinsicDeclaration(this.#module, intrinsic, types);
    call.callee = callee;
    Object.assign(call, { functionType: callee.functionType });
  }

  /** The same address in space 0. Steps are taken behind the cast, so that accesses can take them in. */
  #cast(pointer: Value): Value {
    if (spaceOf(pointer) === 0) return pointer;
    const known = this.#casts.get(pointer);
    if (known !== undefined) return known;
    // Chains of steps are followed down in a loop: they can be long.
    const steps: GepInstruction[] = [];
    let root = pointer;
    while (root.kind === "instruction" && root.opcode === "gep" && !this.#casts.has(root)) {
      steps.push(root);
      root = root.pointer;
    }
    let cast = this.#casts.get(root) ?? this.#castRoot(root);
    for (const step of steps.reverse()) {
      const moved: GepInstruction = { ...step, type: ptr, pointer: cast };
      this.#insertions.push({ block: this.#homeOf(step), behind: step, instruction: moved });
      this.#casts.set(step, moved);
      cast = moved;
    }
    return cast;
  }

  #castRoot(root: Value): Value {
    const isInstruction = root.kind === "instruction";
    const cast = new InstructionList(isInstruction ? root.debugLocation : undefined).cast(
      "addrspacecast",
      root,
      ptr,
    ) as CastInstruction;
    const block = this.#homeOf(root);
    const behind = isInstruction && root.opcode !== "phi" ? root : undefined;
    this.#insertions.push({ block, behind, instruction: cast });
    this.#casts.set(root, cast);
    return cast;
  }

  #homeOf(value: Value): BasicBlock {
    return this.#homes.get(value) ?? (this.#fn.blocks[0] as BasicBlock);
  }

  #insert(): void {
    const starts = new Map<BasicBlock, Instruction[]>();
    const behind = new Map<Instruction, Instruction[]>();
    for (const each of this.#insertions) {
      const key = each.behind;
      const list = key === undefined ? starts.get(each.block) : behind.get(key);
      if (list !== undefined) list.push(each.instruction);
      else if (key === undefined) starts.set(each.block, [each.instruction]);
      else behind.set(key, [each.instruction]);
    }
    for (const block of this.#fn.blocks) {
      const phis = block.instructions.filter((each) => each.opcode === "phi");
      const rest = block.instructions.slice(phis.length);
      block.instructions = [
        ...phis,
        ...(starts.get(block) ?? []),
        ...rest.flatMap((each) => [each, ...(behind.get(each) ?? [])]),
      ];
    }
  }
}
