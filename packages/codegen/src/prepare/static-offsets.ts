/**
 * `llvm.bpf.getelementptr.and.load` and `...store`: an address and its access in one, so that the optimiser keeps the
 * offset constant (`__attribute__((preserve_static_offset))`), as the two instructions they stand for. Facts: LLVM's
 * BPFPreserveStaticOffset.
 */
import type { CallInstruction, GepInstruction, Instruction, Ordering, Value } from "../ir/index.ts";
import { ptr } from "../ir/index.ts";
import type { InstructionList } from "./build.ts";

/** Orderings by LLVM's numbers (llvm/include/llvm/Support/AtomicOrdering.h). */
const orderings: readonly (Ordering | undefined)[] = [
  "notatomic",
  "unordered",
  "monotonic",
  undefined,
  "acquire",
  "release",
  "acq_rel",
  "seq_cst",
];

/** The numbers behind the pointer: volatile, ordering, scope, alignment as a power of two, in bounds. */
const numbers = 5;

/** Expands the load; its value. Undefined for operands that make no sense. */
export function loadAtOffset(call: CallInstruction, code: InstructionList): Value | undefined {
  const access = accessOf(call, 0, code);
  if (access === undefined) return undefined;
  const load = code.load(call.type, access.pointer, access.align, access.volatile);
  return withOrdering(code, load, access.ordering);
}

/** Expands the store; false for operands that make no sense. */
export function storeAtOffset(call: CallInstruction, code: InstructionList): boolean {
  const access = accessOf(call, 1, code);
  const value = call.args[0];
  if (access === undefined || value === undefined) return false;
  withOrdering(code, code.store(value, access.pointer, access.align, access.volatile), access.ordering);
  return true;
}

function withOrdering<I extends Instruction>(code: InstructionList, made: I, ordering: Ordering): I {
  const ordered = { ...made, ordering };
  code.list[code.list.length - 1] = ordered;
  return ordered;
}

interface Access {
  readonly pointer: Value;
  readonly align: number;
  readonly volatile: boolean;
  readonly ordering: Ordering;
}

function accessOf(call: CallInstruction, at: number, code: InstructionList): Access | undefined {
  const base = call.args[at];
  const sourceType = call.argumentAttributes[at]?.get("elementtype");
  const values = call.args.slice(at + 1, at + 1 + numbers);
  if (base === undefined || typeof sourceType !== "object" || values.length < numbers) return undefined;
  const [volatile, order, , align, inbounds] = values.map((each) =>
    each.kind === "int" ? Number(each.value) : -1,
  ) as [number, number, number, number, number];
  const ordering = orderings[order];
  if (ordering === undefined || align < 0 || align > 20) return undefined;
  const indices = call.args.slice(at + 1 + numbers);
  const pointer: GepInstruction = {
    kind: "instruction",
    type: base.type.kind === "pointer" ? base.type : ptr,
    name: "",
    debugLocation: call.debugLocation,
    attachments: [],
    opcode: "gep",
    sourceType,
    pointer: base,
    indices,
    inbounds: inbounds === 1,
  };
  code.list.push(pointer);
  return { pointer, align: 2 ** align, volatile: volatile === 1, ordering };
}
