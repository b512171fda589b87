/** Whatever a program does with an address it made up, memory it does not own stays as it is. */
import { MapType } from "@bpfkit/base/abi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PAGE_SIZE } from "../memory/layout.ts";
import { engines, FIRST_FD, Lab } from "../testdata/lab.ts";
import { Dice } from "../testdata/random-program.ts";
import { ProgramFault } from "./fault.ts";

/** One store of each kind and width through an address in the context. */
const stores = [
  "*(u8 *)(r1 +0) = 85",
  "*(u16 *)(r1 +0) = 85",
  "*(u32 *)(r1 +0) = 85",
  "*(u64 *)(r1 +0) = 85",
  "*(u8 *)(r1 +0) = r2",
  "*(u16 *)(r1 +0) = r2",
  "*(u32 *)(r1 +0) = r2",
  "*(u64 *)(r1 +0) = r2",
  "lock *(u32 *)(r1 +0) += r2",
  "lock *(u64 *)(r1 +0) ^= r2",
  "r2 = atomic64_xchg((u64 *)(r1 +0), r2)",
  "r2 = atomic_fetch_or((u32 *)(r1 +0), r2)",
  "*(u64 *)(r1 +32767) = r2",
  "*(u64 *)(r1 -32768) = r2",
] as const;

/** Helpers that write where r1 points. */
const helperStores = [
  "r2 = 16\ncall bpf_get_current_comm",
  "r3 = r10\nr2 = 12\ncall bpf_probe_read_kernel",
  "r3 = 0\nr2 = 12\ncall bpf_probe_read_user_str",
  `r2 = r1\nr1 = map[fd:${FIRST_FD}]\ncall bpf_map_pop_elem`,
] as const;

for (const engine of engines) {
  test(`${engine}: stores through made-up addresses change only owned bytes`, () => {
    const lab = new Lab(engine);
    lab.map({ type: MapType.Queue, keySize: 0, valueSize: 24 });
    const { memory } = lab.world;
    const kernelObject = lab.kernelBytes(new Uint8Array(100).fill(0x11));
    const context = lab.context(new Uint8Array(16));
    lab.map({ type: MapType.Array, valueSize: 13, maxEntries: 3 });
    const programs = [...stores, ...helperStores].map((store) => {
      return lab.load(`r2 = 77\nr1 = *(u64 *)(r1 +0)\n${store}\nr0 = 0\nexit`);
    });
    const base = memory.addressOf(0);
    const places = [
      0n,
      base,
      base + 8n,
      kernelObject,
      memory.addressOf(lab.machine.control),
      memory.addressOf(context),
      memory.addressOf(memory.u8.length),
      memory.addressOf(memory.maximumBytes),
      base + (1n << 32n),
      1n << 63n,
      memory.addressOf(memory.u8.length - PAGE_SIZE),
      0x7fff_ffff_f000n,
      0xffff_c900_0000_0001n,
    ];
    const dice = new Dice(17);
    const before = memory.u8.slice();
    let refused = 0;
    for (let round = 0; round < 4000; round++) {
      const address = BigInt.asUintN(64, dice.pick(places) + BigInt(dice.below(80) - 40));
      memory.view.setBigUint64(context, address, true);
      before.set(memory.u8.subarray(context, context + 8), context);
      try {
        dice.pick(programs).runAt(context);
      } catch (error) {
        assert.instance(error, ProgramFault);
        refused++;
      }
      // What the program owns may have changed (its context, its stack): compare all the rest now and then.
      if (round % 500 === 499) compareUnowned(lab, before);
    }
    assert.ok(refused > 3000, `${refused} refused`);
    assert.equal(memory.read(kernelObject, 100), new Uint8Array(100).fill(0x11));
  });
}

/** The machine's own control block is written by running; all else that no program owns must be as before. */
function compareUnowned(lab: Lab, before: Uint8Array): void {
  const { memory, machine } = { memory: lab.world.memory, machine: lab.machine };
  for (let at = 0; at < before.length; at++) {
    if (memory.u8[at] === before[at]) continue;
    const control = at >= machine.control && at < machine.control + 80;
    assert.ok(control || memory.programMayWrite(at, 1), `byte ${at} changed`);
  }
}

test.run();
