/** Instruction selection: one IR function to machine code over virtual registers in SSA form. */
import { removeUnreachable } from "../analysis/cfg.ts";
import type { BasicBlock, IrFunction } from "../ir/function.ts";
import type { Instruction, Opcode } from "../ir/instruction.ts";
import { successorsOf } from "../ir/instruction.ts";
import type { IrModule } from "../ir/module.ts";
import type { Cpu } from "../machine/machine-function.ts";
import { featuresOf, MachineFunction } from "../machine/machine-function.ts";
import { selectBinary } from "./arithmetic.ts";
import { selectCallBranch } from "./assembly.ts";
import {
  isExchangeSuccess,
  selectAtomicRmw,
  selectCompareExchange,
  selectExtractValue,
  selectFence,
} from "./atomic.ts";
import { removeBarrierIntrinsics } from "./bpf-intrinsics.ts";
import { selectCall, selectParameters, selectReturn } from "./call.ts";
import { selectCast, selectFreeze } from "./cast.ts";
import { shareCommonValues } from "./common-values.ts";
import {
  entryOf,
  isFused,
  materialise,
  selectCompare,
  selectConditionalBranch,
  selectSelect,
} from "./compare-branch.ts";
import { constantOrigins } from "./constant-origins.ts";
import { selectGep } from "./gep.ts";
import { selectAlloca, selectLoad, selectStore } from "./memory.ts";
import type { PendingPhi } from "./phi.ts";
import { completePhi, selectPhi } from "./phi.ts";
import { Refusal } from "./refuse.ts";
import { Selector } from "./selector.ts";

type Row<O extends Opcode> = (s: Selector, insn: Extract<Instruction, { opcode: O }>) => void;

const float = (s: Selector): never => {
  throw s.refuse(Refusal.FloatingPoint, "BPF has no floating point", "Use integers or fixed point.");
};

/** What C has for LLVM's instructions that BPF has no code for, and what to write in its place. */
const constructs: ReadonlyMap<string, readonly [construct: string, hint: string]> = new Map([
  ["indirectbr", ["a computed goto: BPF has no indirect jumps", "Use a switch."]],
  ["va_arg", ["a variable argument list", "Pass the arguments in a struct."]],
]);

const unsupported = (s: Selector, insn: Instruction): never => {
  const name = insn.opcode === "unsupported" ? insn.mnemonic : insn.opcode;
  const [construct, hint] = constructs.get(name) ?? [`the instruction "${name}" is not supported here`];
  throw s.refuse(Refusal.Unsupported, construct, hint);
};

/** What selects each opcode but phi. */
const families: { [O in Exclude<Opcode, "phi">]: Row<O> } = {
  add: selectBinary,
  sub: selectBinary,
  mul: selectBinary,
  udiv: selectBinary,
  sdiv: selectBinary,
  urem: selectBinary,
  srem: selectBinary,
  shl: selectBinary,
  lshr: selectBinary,
  ashr: selectBinary,
  and: selectBinary,
  or: selectBinary,
  xor: selectBinary,
  fadd: float,
  fsub: float,
  fmul: float,
  fdiv: float,
  frem: float,
  trunc: selectCast,
  zext: selectCast,
  sext: selectCast,
  ptrtoint: selectCast,
  inttoptr: selectCast,
  bitcast: selectCast,
  addrspacecast: selectCast,
  fptrunc: float,
  fpext: float,
  fptoui: float,
  fptosi: float,
  uitofp: float,
  sitofp: float,
  icmp: selectCompare,
  fcmp: float,
  select: selectSelect,
  freeze: selectFreeze,
  br: (s, insn) => s.emit("goto", { target: entryOf(s, insn.target) }),
  condbr: selectConditionalBranch,
  switch: unsupported,
  indirectbr: unsupported,
  ret: selectReturn,
  // Never reached, but code must not run on into the next function. What ends a naked function is in its assembly.
  unreachable: (s) => {
    if (!s.fn.attributes.has("naked")) s.emit("return", {});
  },
  load: selectLoad,
  store: selectStore,
  gep: selectGep,
  alloca: selectAlloca,
  call: selectCall,
  callbr: (s, insn) => selectCallBranch(s, insn, (target) => entryOf(s, target)),
  atomicrmw: selectAtomicRmw,
  cmpxchg: selectCompareExchange,
  fence: selectFence,
  extractvalue: (s, insn) => {
    if (!isExchangeSuccess(insn)) selectExtractValue(s, insn);
    else if (!isFused(s, insn)) materialise(s, insn);
  },
  insertvalue: unsupported,
  unsupported,
};

/**
 * Selects a function.
 * @throws BpfkitError CG1xx, with the line of C, for what BPF cannot do
 */
export function selectFunction(module: IrModule, fn: IrFunction, cpu: Cpu): MachineFunction {
  removeBarrierIntrinsics(fn);
  shareCommonValues(fn);
  const machine = new MachineFunction(fn.name, featuresOf(cpu));
  const s = new Selector(module, fn, machine);
  const order = reversePostorder(fn);
  for (const block of order) s.entries.set(block, block === fn.blocks[0] ? s.block : machine.newBlock());
  machine.blocks.length = 0;
  const origins = constantOrigins(order);
  const phis: PendingPhi[] = [];
  for (const block of order) {
    s.irBlock = block;
    const origin = origins.get(block);
    s.startBlock(s.entries.get(block)!, origin === undefined ? undefined : s.exits.get(origin));
    if (block === fn.blocks[0]) selectParameters(s);
    selectBlock(s, block, phis);
  }
  removeUnreachable(machine);
  for (const phi of phis) {
    if (machine.blocks.includes(phi.block)) completePhi(s, phi);
  }
  return machine;
}

function selectBlock(s: Selector, block: BasicBlock, phis: PendingPhi[]): void {
  const { instructions } = block;
  for (let index = 0; index < instructions.length; index++) {
    const insn = instructions[index]!;
    if (s.done.has(insn)) continue;
    s.position = index;
    s.location = insn.debugLocation ?? -1;
    if (insn.opcode === "phi") phis.push(selectPhi(s, insn));
    else if (!isSkipped(s, insn)) {
      // Branches on several conditions end in more than one block; what follows is only sure of the first.
      if (index === instructions.length - 1) s.exits.set(block, s.block);
      (families[insn.opcode] as Row<Opcode>)(s, insn);
    }
  }
}

/** Logical operations that their branch takes in emit nothing themselves. */
function isSkipped(s: Selector, insn: Instruction): boolean {
  switch (insn.opcode) {
    case "and":
    case "or":
    case "xor":
      return insn.type.kind === "integer" && insn.type.bits === 1 && isFused(s, insn);
    default:
      return false;
  }
}

/** The blocks that can be reached, predecessors first but for loops. */
function reversePostorder(fn: IrFunction): BasicBlock[] {
  const order: BasicBlock[] = [];
  const seen = new Set<BasicBlock>();
  const stack: { successors: BasicBlock[]; block: BasicBlock; next: number }[] = [];
  const enter = (block: BasicBlock): void => {
    seen.add(block);
    const last = block.instructions[block.instructions.length - 1];
    stack.push({ block, successors: last === undefined ? [] : successorsOf(last), next: 0 });
  };
  if (fn.blocks[0] !== undefined) enter(fn.blocks[0]);
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const successor = top.successors[top.successors.length - 1 - top.next++];
    if (successor === undefined) {
      order.push(top.block);
      stack.pop();
    } else if (!seen.has(successor)) enter(successor);
  }
  return order.reverse();
}
