/** Load-time checks of control flow: functions, jump targets, reachability, call depth, stack size. */
import { Class, loadImm64Opcode, PseudoCall, PseudoLoad } from "@bpfkit/elf/isa";
import { FRAME_BYTES, type FunctionRange, type ProgramImage } from "./image.ts";
import type { Rules } from "./program.ts";
import type { Rejecter } from "./rejection.ts";
import { measureStack } from "./stack-use.ts";

/** MAX_CALL_FRAMES. */
export const MAX_FRAMES = 8;

/** Stack that callers of a function with a tail call may use, bytes. */
const TAIL_CALL_STACK = 256;

/** Helper id of bpf_tail_call. */
const TAIL_CALL = 12;

/** Finds the functions and checks all flow in and between them; fills `image.functions` and `image.functionAt`. */
export function checkFlow(image: ProgramImage, reject: Rejecter, rules: Rules): void {
  const starts = functionStarts(image, reject);
  image.functionAt = new Map(starts.map((start, index) => [start, index]));
  const functions: FunctionRange[] = [];
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i] as number;
    const end = starts[i + 1] ?? image.slotCount;
    checkJumps(image, start, end, reject);
    functions.push({ start, end, ...measureStack(image, start, end, reject) });
  }
  image.functions = functions;
  if (rules === "kernel") for (const range of functions) checkReachable(image, range, reject);
  checkDepth(image, reject);
}

/** The callee of a bpf-to-bpf call or of a function address load at `slot`; undefined for other instructions. */
export function calleeSlot(image: ProgramImage, slot: number): number | undefined {
  const local = image.isCall(slot) && image.src[slot] === PseudoCall.Local;
  const address = image.opcode[slot] === loadImm64Opcode && image.src[slot] === PseudoLoad.Function;
  return local || address ? slot + 1 + (image.imm[slot] as number) : undefined;
}

function functionStarts(image: ProgramImage, reject: Rejecter): number[] {
  const starts = new Set([0]);
  for (let slot = 0; slot < image.slotCount; slot = image.nextSlot(slot)) {
    const callee = calleeSlot(image, slot);
    if (callee === undefined) continue;
    if (callee < 0 || callee >= image.slotCount || image.isSecondSlot[callee] === 1) {
      reject.at(slot, `call to invalid destination ${callee}`);
    }
    starts.add(callee);
  }
  return [...starts].sort((a, b) => a - b);
}

function checkJumps(image: ProgramImage, start: number, end: number, reject: Rejecter): void {
  let last = start;
  for (let slot = start; slot < end; slot = image.nextSlot(slot)) {
    last = slot;
    if (!image.isJump(slot)) continue;
    const target = image.jumpTarget(slot);
    if (target < start || target >= end) reject.at(slot, `jump out of range from insn ${slot} to ${target}`);
    if (image.isSecondSlot[target] === 1)
      reject.at(slot, `jump into the middle of ldimm64 insn ${target - 1}`);
  }
  if (!image.isExit(last) && !image.isUnconditionalJump(last)) {
    reject.at(last, "last insn is not an exit or jmp");
  }
}

function checkReachable(image: ProgramImage, range: FunctionRange, reject: Rejecter): void {
  const seen = new Uint8Array(range.end - range.start);
  const work = [range.start];
  for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
    if (seen[slot - range.start] === 1) continue;
    seen[slot - range.start] = 1;
    if (image.isExit(slot)) continue;
    if (image.isJump(slot)) work.push(image.jumpTarget(slot));
    if (!image.isUnconditionalJump(slot)) work.push(image.nextSlot(slot));
  }
  for (let slot = range.start; slot < range.end; slot = image.nextSlot(slot)) {
    if (seen[slot - range.start] === 0) reject.at(slot, `unreachable insn ${slot}`);
  }
}

/** Walks the call graph (callbacks count as calls) for its depth, recursion and the stack along each path. */
function checkDepth(image: ProgramImage, reject: Rejecter): void {
  const callees = image.functions.map((range) => calleesOf(image, range));
  const tailCalls = image.functions.map((range) => callsHelper(image, range, TAIL_CALL));
  const path: { index: number; next: number; stack: number }[] = [
    { index: 0, next: 0, stack: frameStack(image, 0) },
  ];
  // Deepest frame count and stack with which a function was already looked at: no need to look again with less.
  const seen = new Map<string, true>();
  while (path.length > 0) {
    const top = path[path.length - 1] as { index: number; next: number; stack: number };
    if (top.next === 0) {
      if (path.length > MAX_FRAMES) {
        reject.program(`the call stack of ${path.length} frames is too deep !`, 7);
      }
      if (top.stack > FRAME_BYTES) {
        reject.program(`combined stack size of ${path.length} calls is ${top.stack}. Too large`, 13);
      }
      const above = top.stack - frameStack(image, top.index);
      if (tailCalls[top.index] && path.length > 1 && above >= TAIL_CALL_STACK) {
        reject.program(
          `tail_calls are not allowed when call stack of previous frames is ${above} bytes. Too large`,
          13,
        );
      }
      const key = `${top.index} ${path.length} ${top.stack}`;
      if (seen.has(key)) top.next = Number.POSITIVE_INFINITY;
      seen.set(key, true);
    }
    const callee = callees[top.index]?.[top.next++];
    if (callee === undefined) path.pop();
    else path.push({ index: callee, next: 0, stack: top.stack + frameStack(image, callee) });
  }
}

/** The kernel counts at least one byte per frame and rounds up to 32. */
function frameStack(image: ProgramImage, index: number): number {
  const bytes = Math.max(image.functions[index]?.stackBytes ?? 0, 1);
  return Math.ceil(bytes / 32) * 32;
}

function calleesOf(image: ProgramImage, range: FunctionRange): number[] {
  const callees = new Set<number>();
  for (let slot = range.start; slot < range.end; slot = image.nextSlot(slot)) {
    const callee = calleeSlot(image, slot);
    if (callee !== undefined) callees.add(image.functionAt.get(callee) as number);
  }
  return [...callees];
}

function callsHelper(image: ProgramImage, range: FunctionRange, id: number): boolean {
  for (let slot = range.start; slot < range.end; slot = image.nextSlot(slot)) {
    if (image.opcode[slot] !== (Class.Jmp | 0x80)) continue;
    if (image.src[slot] === PseudoCall.Helper && image.imm[slot] === id) return true;
  }
  return false;
}
