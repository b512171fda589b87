/** Loads, stores and atomic operations of the reference interpreter. */
import { AtomicOp, Class, Mode, type Size, sizeBytes } from "@bpfkit/elf/isa";
import type { AddressSpace } from "../memory/address-space.ts";
import type { ProgramImage } from "../program/image.ts";
import type { MemoryGuard } from "../program/memory-guard.ts";

/** Executes the load, store or atomic instruction at `slot`. Accesses that the program may not make end the run. */
export function accessMemory(
  image: ProgramImage,
  slot: number,
  regs: BigUint64Array,
  guard: MemoryGuard,
): void {
  const opcode = image.opcode[slot] as number;
  const size = sizeBytes((opcode & 0x18) as Size);
  const mode = opcode & 0xe0;
  const family = opcode & 7;
  const isLoad = image.isMemoryLoad(slot);
  const base = regs[(isLoad ? image.src[slot] : image.dst[slot]) as number] as bigint;
  const address = BigInt.asUintN(64, base + BigInt(image.off[slot] as number));
  const low = Number(address & 0xffff_ffffn) | 0;
  const high = Number(address >> 32n) | 0;
  const { memory } = guard;
  if (isLoad) {
    const value = load(memory, guard.readable(low, high, size, slot), size);
    regs[image.dst[slot] as number] = mode === Mode.MemSx ? BigInt.asIntN(size * 8, value) : value;
    return;
  }
  const at = guard.writable(low, high, size, slot);
  // One thread runs, so a store_release is a store.
  if (mode === Mode.Atomic && image.imm[slot] !== AtomicOp.StoreRelease) {
    atomic(image, slot, regs, memory, at);
    return;
  }
  const value =
    family === Class.St ? BigInt(image.imm[slot] as number) : (regs[image.src[slot] as number] as bigint);
  store(memory, at, size, value);
}

function load(memory: AddressSpace, at: number, size: number): bigint {
  switch (size) {
    case 1:
      return BigInt(memory.view.getUint8(at));
    case 2:
      return BigInt(memory.view.getUint16(at, true));
    case 4:
      return BigInt(memory.view.getUint32(at, true));
    default:
      return memory.view.getBigUint64(at, true);
  }
}

/** Stores the low `size` bytes of a value. */
function store(memory: AddressSpace, at: number, size: number, value: bigint): void {
  switch (size) {
    case 1:
      memory.view.setUint8(at, Number(value & 0xffn));
      return;
    case 2:
      memory.view.setUint16(at, Number(value & 0xffffn), true);
      return;
    case 4:
      memory.view.setUint32(at, Number(value & 0xffff_ffffn), true);
      return;
    default:
      memory.view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }
}

/** One thread runs, so atomic means: read, then write. */
function atomic(
  image: ProgramImage,
  slot: number,
  regs: BigUint64Array,
  memory: AddressSpace,
  at: number,
): void {
  const size = sizeBytes(((image.opcode[slot] as number) & 0x18) as Size);
  const src = image.src[slot] as number;
  const operand = regs[src] as bigint;
  const operation = image.imm[slot] as number;
  const old = load(memory, at, size);
  if (operation === AtomicOp.Cmpxchg) {
    if (old === BigInt.asUintN(size * 8, regs[0] as bigint)) store(memory, at, size, operand);
    regs[0] = old;
    return;
  }
  store(memory, at, size, combine(operation & ~1, old, operand));
  if ((operation & 1) !== 0) regs[src] = old;
}

function combine(operation: number, old: bigint, operand: bigint): bigint {
  switch (operation) {
    case AtomicOp.Add:
      return old + operand;
    case AtomicOp.Or:
      return old | operand;
    case AtomicOp.And:
      return old & operand;
    case AtomicOp.Xor:
      return old ^ operand;
    default:
      // Exchange.
      return operand;
  }
}
