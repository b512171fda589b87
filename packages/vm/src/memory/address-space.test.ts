/** Addresses, allocation, rights, growth and user pages. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Dice } from "../testdata/random-program.ts";
import { AddressSpace } from "./address-space.ts";
import { MEMORY_BASE } from "./layout.ts";

const MIB = 1024 * 1024;

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof BpfkitError) return error.code;
    throw error;
  }
  return "no error";
}

test("addresses look like a kernel's direct map and turn into offsets and back", () => {
  const space = new AddressSpace({ maximumBytes: 16 * MIB });
  const address = space.allocate(100, 8, "kernel");
  assert.ok(address > MEMORY_BASE && address < MEMORY_BASE + BigInt(16 * MIB));
  const offset = space.offsetOf(address);
  assert.is(space.addressOf(offset), address);
  assert.is(space.offsetOfWords(Number(address & 0xffff_ffffn), Number(address >> 32n)), offset);
  for (const wild of [
    0n,
    8n,
    0x7fff_0000_0000n,
    MEMORY_BASE,
    MEMORY_BASE - 8n,
    MEMORY_BASE + (1n << 30n),
    -1n,
  ]) {
    assert.is(space.offsetOf(wild), 0, wild.toString(16));
    const [low, high] = [Number(wild & 0xffff_ffffn), Number((wild >> 32n) & 0xffff_ffffn)];
    assert.is(space.offsetOfWords(low, high), 0, wild.toString(16));
  }
});

test("allocations are zeroed, aligned, disjoint, and used again after release", () => {
  const space = new AddressSpace({ maximumBytes: 16 * MIB });
  const dice = new Dice(5);
  const live: { offset: number; size: number }[] = [];
  for (let i = 0; i < 3000; i++) {
    if (live.length > 0 && dice.oneIn(2)) {
      const [gone] = live.splice(dice.below(live.length), 1) as [{ offset: number; size: number }];
      space.releaseOffset(gone.offset);
      continue;
    }
    const size = 1 + dice.below(3000);
    const align = 1 << dice.below(9);
    const kind = dice.pick(["kernel", "program", "user"] as const);
    const offset = space.allocateOffset(size, align, kind);
    assert.is(offset % align, 0);
    assert.ok(space.u8.subarray(offset, offset + size).every((byte) => byte === 0));
    assert.ok(live.every((other) => offset + size <= other.offset || other.offset + other.size <= offset));
    space.u8.fill(0xee, offset, offset + size);
    live.push({ offset, size });
  }
});

test("memory grows up to its limit, and then says so", () => {
  const space = new AddressSpace({ maximumBytes: 8 * MIB });
  const before = space.u8.length;
  const first = space.allocate(16, 8, "kernel");
  space.setUint64(first, 0x1122_3344_5566_7788n);
  space.allocate(3 * MIB, 8, "kernel");
  assert.ok(space.u8.length > before);
  assert.is(space.getUint64(first), 0x1122_3344_5566_7788n);
  assert.is(
    codeOf(() => space.allocate(8 * MIB, 8, "kernel")),
    "VM001",
  );
  assert.is(
    codeOf(() => space.allocate(2 ** 45, 8, "kernel")),
    "VM001",
  );
  assert.is(space.maximumBytes, 8 * MIB);
  assert.is(new AddressSpace({ maximumBytes: 5 * MIB + 1 }).maximumBytes, 8 * MIB);
});

test("programs reach exactly the bytes that were granted", () => {
  const space = new AddressSpace({ maximumBytes: 8 * MIB });
  const offset = space.allocateOffset(64, 8, "program");
  for (let size = 0; size <= 40; size++) {
    for (const access of ["none", "read", "write"] as const) {
      space.grant(offset, 64, "none");
      space.grant(offset, size, access);
      for (let from = 0; from < 40; from += 3) {
        for (const length of [1, 2, 4, 8, 17]) {
          const inside = from + length <= size;
          assert.is(space.programMayRead(offset + from, length), inside && access !== "none");
          assert.is(space.programMayWrite(offset + from, length), inside && access === "write");
        }
      }
    }
  }
  assert.ok(space.programMayRead(offset, 0));
  assert.not(space.programMayRead(space.u8.length - 2, 8));
  assert.not(space.programMayRead(offset, -1));
});

test("copies of every size, alignment and overlap agree with copyWithin", () => {
  const space = new AddressSpace({ maximumBytes: 4 * MIB });
  const at = space.allocateOffset(256, 8, "kernel");
  for (let size = 0; size < 50; size++) {
    for (const [to, from] of [
      [0, 100],
      [3, 100],
      [100, 2],
      [8, 4],
      [4, 8],
      [5, 4],
      [12, 0],
    ] as const) {
      for (let i = 0; i < 256; i++) space.u8[at + i] = i;
      const expected = space.u8.slice(at, at + 256).copyWithin(to, from, from + size);
      space.copy(at + to, at + from, size);
      assert.equal(space.u8.slice(at, at + 256), expected, `${size} bytes from ${from} to ${to}`);
    }
  }
});

test("kernel objects are for probes, not for programs; released memory is not for programs either", () => {
  const space = new AddressSpace({ maximumBytes: 8 * MIB });
  const object = space.allocateOffset(64, 8, "kernel");
  assert.ok(space.kernelMayRead(object, 64));
  assert.not(space.programMayRead(object, 1));
  const user = space.allocateOffset(64, 8, "user");
  assert.not(space.kernelMayRead(user, 1));
  assert.not(space.kernelMayRead(space.u8.length - 1, 8));
  const owned = space.allocateOffset(64, 8, "program");
  space.grant(owned, 64, "write");
  space.releaseOffset(owned);
  assert.not(space.programMayRead(owned, 1));
  assert.is(
    codeOf(() => space.write(space.addressOf(user), new Uint8Array(1))),
    "VM002",
  );
  assert.is(
    codeOf(() => space.getUint32(16n)),
    "VM002",
  );
});

test("user pages belong to one process and cross page borders", () => {
  const space = new AddressSpace({ maximumBytes: 8 * MIB });
  const [one, two] = [space.createUserSpace(), space.createUserSpace()];
  const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => i & 0xff);
  one.store(0x7ffc_1234_5f80n, bytes);
  two.store(0x7ffc_1234_5f80n, Uint8Array.of(9));
  space.user = one;
  assert.equal(space.read(0x7ffc_1234_5f80n, 10_000), bytes);
  assert.equal(space.read(0x7ffc_1234_5f7en, 3), Uint8Array.of(0, 0, 0));
  assert.is(space.read(0x7ffc_1234_4fffn, 2), undefined);
  space.user = two;
  assert.equal(space.read(0x7ffc_1234_5f80n, 2), Uint8Array.of(9, 0));
  two.unmap(0x7ffc_1234_5f80n, 1);
  assert.is(space.read(0x7ffc_1234_5f80n, 1), undefined);
  space.user = undefined;
  assert.is(space.read(0x7ffc_1234_5f80n, 1), undefined);
  one.release();
  assert.is(one.translate(0x1234_5f80, 0x7ffc), 0);
  for (const address of [0n, 0x8000_0000_0000n, MEMORY_BASE]) {
    assert.is(
      codeOf(() => one.map(address, 1)),
      "VM003",
    );
  }
});

test.run();
